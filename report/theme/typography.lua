-- What stays together. On one line, in prose, captions and tables, in every format: a number and its per cent sign, "95 %";
-- a formula and what touches it, "($x$),", for browsers break a line on both sides of a formula, also before a full stop.
-- In the PDF: the figures of a chapter and its text.

local function is_number(inline)
  return inline and inline.t == 'Str' and inline.text:match('%d$')
end

local function is_per_cent(inline)
  return inline and inline.t == 'Str' and inline.text:match('^%%')
end

local function is_formula(inline)
  return inline.t == 'Math' and inline.mathtype == 'InlineMath'
end

-- Each formula in one span with the words and formulas that no space parts from it.
local function with_what_touches_it(inlines)
  local joined, run = pandoc.Inlines {}, pandoc.Inlines {}
  local function finish()
    local whole = #run > 1 and run:find_if(is_formula)
    joined:extend(whole and { pandoc.Span(run, { class = 'together' }) } or run)
    run = pandoc.Inlines {}
  end
  for _, inline in ipairs(inlines) do
    if inline.t == 'Str' or is_formula(inline) then
      run:insert(inline)
    else
      finish()
      joined:insert(inline)
    end
  end
  finish()
  return joined
end

function Inlines(inlines)
  local kept = pandoc.Inlines {}
  for position, inline in ipairs(inlines) do
    local between = inline.t == 'Space' or inline.t == 'SoftBreak'
    if between and is_number(inlines[position - 1]) and is_per_cent(inlines[position + 1]) then
      inline = pandoc.Str('\u{a0}')
    end
    kept:insert(inline)
  end
  return with_what_touches_it(kept)
end

-- An option of the command line is not broken at its hyphens: `--coverage`.
function Code(code)
  if code.text:match('^%-%-%w[%w-]*$') then
    return pandoc.Span({ code }, { class = 'together' })
  end
end

-- In the PDF a figure stands in its section, and before the summary.
local function after_figures(block)
  return { pandoc.RawBlock('typst', '#place.flush()'), block }
end

local function is_summary(title)
  return title and pandoc.utils.stringify(title) == 'Summary'
end

function Header(header)
  return header.level == 2 and after_figures(header) or nil
end

function Div(div)
  return is_summary(div.attributes.title) and after_figures(div) or nil
end

-- What Quarto has made of the div by now.
function Callout(callout)
  return is_summary(callout.title) and after_figures(callout.__quarto_custom_node) or nil
end
