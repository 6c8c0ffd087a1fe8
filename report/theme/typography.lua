-- What stays on one line. A number and its per cent sign: "95 %". In prose, captions and tables, in every format.

local function is_number(inline)
  return inline and inline.t == 'Str' and inline.text:match('%d$')
end

local function is_per_cent(inline)
  return inline and inline.t == 'Str' and inline.text:match('^%%')
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
  return kept
end

-- An option of the command line is not broken at its hyphens: `--coverage`.
function Code(code)
  if code.text:match('^%-%-%w[%w-]*$') then
    return pandoc.Span({ code }, { class = 'together' })
  end
end
