-- First pass, once a chapter: numbers what carries a number and writes the chapter's index into the metadata.
--
-- Metadata in: chapter ("2", or "" where the chapter is unnumbered), profile.
-- Metadata out: index, a JSON object
--   labels       id -> { kind = "fig" | "tbl" | "eq" | "sec" | "ch", number = "2.1" }; a sub-figure has "2.1 (a)"
--   identifiers  every id of the chapter, those of labels included
--   not_in_pdf   those of them that only the site and the EPUB hold
--   heading      id of the chapter's heading
--   title        the chapter's title as text
--   problems     what is wrong, a list of sentences
--
-- After this pass a figure is a Figure, a table is a Table with a caption or a Figure, an equation is a Div of class
-- "equation", each with the attribute number; callouts and conditions on the format still stand as they were written.

local stringify = pandoc.utils.stringify

local chapter, profile
local counters = { fig = 0, tbl = 0, eq = 0 }
local sections = {}
local labels, problems, not_in_pdf = {}, {}, pandoc.List {}
local heading, title

local function problem(text)
  table.insert(problems, text)
end

local function kind_of(identifier)
  identifier = identifier or ''
  return identifier:match('^(fig)%-') or identifier:match('^(tbl)%-')
end

local function with_chapter(number)
  return chapter == '' and tostring(number) or chapter .. '.' .. number
end

local function next_number(kind)
  counters[kind] = counters[kind] + 1
  return with_chapter(counters[kind])
end

local function label(identifier, kind, number)
  if labels[identifier] then
    problem('the label ' .. identifier .. ' is used twice')
  end
  labels[identifier] = { kind = kind, number = number }
end

-- The alternative text moves to where pandoc's writers look for it.
local function describe(image)
  local text = image.attributes['fig-alt']
  if text then
    image.caption = { pandoc.Str(text) }
    image.attributes['fig-alt'] = nil
  end
  if stringify(image.caption) == '' then
    problem('the image ' .. image.src .. ' has no alternative text; give it fig-alt="..."')
  end
  if kind_of(image.identifier) then
    problem(image.identifier .. ' has no caption; write it between the brackets: ![caption](' .. image.src .. ')')
  end
  return image
end

local function is_image_paragraph(block)
  return (block.t == 'Para' or block.t == 'Plain') and #block.content == 1 and block.content[1].t == 'Image'
end

-- The last paragraph of a float's div is its caption.
local function split_caption(div)
  local blocks = pandoc.Blocks(div.content)
  local last = blocks[#blocks]
  if #blocks < 2 or last.t ~= 'Para' or is_image_paragraph(last) then
    problem(div.identifier .. ' has no caption; let its last paragraph say what to see')
    return blocks, pandoc.Inlines {}
  end
  blocks:remove(#blocks)
  return blocks, last.content
end

-- A figure inside another gets a letter instead of a number.
local function letter_subfigures(blocks, parent)
  local count = 0
  local function letter(figure)
    count = count + 1
    figure.attributes.number = string.char(96 + count)
    if figure.identifier ~= '' then
      label(figure.identifier, 'fig', parent .. ' (' .. figure.attributes.number .. ')')
    end
    return figure
  end
  return blocks:walk {
    Figure = letter,
    Div = function(div)
      if kind_of(div.identifier) then
        local content, caption = split_caption(div)
        return letter(pandoc.Figure(content, { long = { pandoc.Plain(caption) } }, pandoc.Attr(div.identifier)))
      end
    end,
  }
end

local function numbered_table(inner, identifier, caption)
  local number = next_number('tbl')
  label(identifier, 'tbl', number)
  inner.identifier = identifier
  inner.attributes.number = number
  inner.caption = { long = { pandoc.Plain(caption) } }
  return inner
end

-- `::: {#fig-x}` and `::: {#tbl-x}`
local function float(div, kind)
  local blocks, caption = split_caption(div)
  if kind == 'tbl' and #blocks == 1 and blocks[1].t == 'Table' then
    return numbered_table(blocks[1], div.identifier, caption)
  end
  local number = next_number(kind)
  label(div.identifier, kind, number)
  local content = letter_subfigures(blocks:walk { Image = describe }, number)
  local attributes = { number = number, kind = kind, ['layout-ncol'] = div.attributes['layout-ncol'] }
  return pandoc.Figure(content, { long = { pandoc.Plain(caption) } }, pandoc.Attr(div.identifier, {}, attributes))
end

local function holds_for_profile(div)
  local when, unless = div.attributes['when-profile'], div.attributes['unless-profile']
  div.attributes['when-profile'], div.attributes['unless-profile'] = nil, nil
  local holds = (not when or when == profile) and (not unless or unless ~= profile)
  if div.classes:includes('content-hidden') then
    return not (when or unless) or not holds
  end
  return holds
end

local function is_condition(div)
  return div.classes:includes('content-visible') or div.classes:includes('content-hidden')
end

local function holds_for_typst(div)
  local when, unless = div.attributes['when-format'], div.attributes['unless-format']
  local holds = (not when or when == 'typst') and unless ~= 'typst'
  if div.classes:includes('content-hidden') then
    return not holds
  end
  return holds
end

-- A condition on the profile is settled here. One on the format waits for the second pass, because both formats share
-- these numbers; so nothing inside it may carry one. What only the site and the EPUB hold is listed, for the PDF cannot
-- link to it.
local function condition(div)
  if div.attributes['when-profile'] or div.attributes['unless-profile'] then
    return holds_for_profile(div) and div.content or {}
  end
  div:walk {
    Block = function(block)
      local numbered = block.t == 'Header' and not block.classes:includes('unnumbered')
      if numbered or kind_of(block.identifier) then
        problem('content for one format only holds a numbered heading or a label: "'
          .. stringify(block):sub(1, 40) .. '"')
      end
    end,
  }
  if not holds_for_typst(div) then
    local function collect(element)
      if (element.identifier or '') ~= '' then
        table.insert(not_in_pdf, element.identifier)
      end
    end
    div:walk { Block = collect, Inline = collect }
  end
  return div
end

local function callout(div)
  local first = div.content[1]
  if first and first.t == 'Header' then
    div.attributes.title = pandoc.write(pandoc.Pandoc { pandoc.Plain(first.content) }, 'markdown'):gsub('\n$', '')
    div.content:remove(1)
  end
  return div
end

local function is_space(inline)
  return inline and (inline.t == 'Space' or inline.t == 'SoftBreak')
end

local function equation(math, identifier)
  local number = next_number('eq')
  label(identifier, 'eq', number)
  return pandoc.Div({ pandoc.Para { math } }, pandoc.Attr(identifier, { 'equation' }, { number = number }))
end

-- `$$ ... $$ {#eq-x}` becomes a block of its own, between what its paragraph says before and after it.
local function equations(paragraph)
  local blocks, text = pandoc.Blocks {}, pandoc.Inlines {}
  local function flush()
    while is_space(text[#text]) do
      text:remove()
    end
    if #text > 0 then
      blocks:insert(pandoc.Para(text))
      text = pandoc.Inlines {}
    end
  end
  for _, inline in ipairs(paragraph.content) do
    local identifier = inline.t == 'Str' and inline.text:match('^{#(eq%-[%w_-]+)}$')
    local last = #text
    while identifier and is_space(text[last]) do
      last = last - 1
    end
    local math = identifier and text[last]
    if math and math.t == 'Math' and math.mathtype == 'DisplayMath' then
      text = pandoc.Inlines { table.unpack(text, 1, last - 1) }
      flush()
      blocks:insert(equation(math, identifier))
    elseif #text > 0 or not is_space(inline) then
      text:insert(inline)
    end
  end
  if #blocks > 0 then
    flush()
    return blocks
  end
end

local function number_heading(header)
  if header.level == 1 then
    if heading then
      problem('a second level-1 heading, "' .. stringify(header) .. '"; a chapter has one')
    end
    heading, title = header.identifier, stringify(header)
    if chapter ~= '' then
      header.attributes.number = chapter
    end
  elseif chapter ~= '' and not header.classes:includes('unnumbered') then
    local depth = header.level - 1
    sections[depth] = (sections[depth] or 0) + 1
    for deeper = depth + 1, #sections do
      sections[deeper] = 0
    end
    for above = 1, depth do
      sections[above] = sections[above] or 0
    end
    header.attributes.number = with_chapter(table.concat(sections, '.', 1, depth))
  end
  if header.identifier:match('^sec%-') then
    label(header.identifier, header.level == 1 and 'ch' or 'sec', header.attributes.number or '')
  end
  return header
end

local numbering = {
  traverse = 'topdown',
  Header = number_heading,
  Para = equations,
  Image = describe,
  Div = function(div)
    local kind = kind_of(div.identifier)
    if kind then
      return float(div, kind), false
    elseif is_condition(div) then
      return condition(div)
    elseif div.classes:find_if(function(class) return class:match('^callout%-') end) then
      return callout(div)
    end
  end,
  Figure = function(figure)
    if kind_of(figure.identifier) then
      local number = next_number('fig')
      label(figure.identifier, 'fig', number)
      figure.attributes.number = number
      figure.attributes.kind = 'fig'
    end
    return figure
  end,
  Table = function(inner)
    if kind_of(inner.identifier) then
      return numbered_table(inner, inner.identifier, pandoc.utils.blocks_to_inlines(inner.caption.long)), false
    end
  end,
}

local function identifiers_of(document)
  local found, seen = {}, {}
  local function collect(element)
    local identifier = element.identifier
    if identifier and identifier ~= '' then
      if seen[identifier] and not labels[identifier] then
        problem('the identifier ' .. identifier .. ' is used twice')
      end
      seen[identifier] = true
      table.insert(found, identifier)
    end
  end
  document:walk { Block = collect, Inline = collect }
  return found
end

function Pandoc(document)
  chapter, profile = stringify(document.meta.chapter or ''), stringify(document.meta.profile or '')
  document = document:walk(numbering)
  if not heading then
    problem('the chapter has no level-1 heading and no title')
  end
  document.meta.index = pandoc.json.encode {
    labels = labels,
    identifiers = pandoc.List(identifiers_of(document)),
    not_in_pdf = not_in_pdf,
    heading = heading or '',
    title = title or '',
    problems = pandoc.List(problems),
  }
  return document
end
