-- Second pass: resolves references and links and gives every construct its form in one format.
--
-- Metadata in: target ("html", "typst" or "epub"), chapter_path ("report/data-and-shortcuts.qmd"), index_file, a JSON file with
--   pages      path of a chapter -> { page, heading, identifiers = { id -> true } }
--   labels     id -> { kind, number, path }
--   citations  key -> true
--   summary    what the line above folded code says
-- and pdf_code, see below.
-- Metadata out, for HTML: title and heading, taken out of the body, for the template.
--
-- In the PDF and the EPUB all chapters share one name space, so every identifier there begins with its chapter's path. Whatever does
-- not resolve is written to the error stream, a line each; the caller takes any line for a failure.

local stringify = pandoc.utils.stringify

local PREFIX = { fig = 'Figure', tbl = 'Table', eq = 'Equation', sec = 'Section', ch = 'Chapter' }
local CALLOUTS = { note = 'Note', tip = 'Tip', warning = 'Warning', important = 'Important', caution = 'Caution' }
local NBSP = '\u{a0}'
-- In the PDF a table of so many lines is placed like a figure; a longer one stands where it is and may break.
local MOST_LINES_PLACED = 16
-- Of a table in the PDF: characters across the page, between columns, and of a cell of words before it is broken.
local CHARACTERS_A_LINE, CHARACTERS_BETWEEN, CHARACTERS_OF_WORDS = 100, 2, 16
-- An estimate with its bounds, "0.95 (0.93–0.97)" or "−0.1 (−0.2 to 0.1)".
local INTERVAL = '^[−%d.]+ %([−%d.]+.*%)$'

-- single: whether all chapters are one document, as in the PDF and the EPUB.
-- pdf_code: whether the PDF shows the code of cells that the site folds.
local html, single, pdf_code, here, index

local function problem(text)
  io.stderr:write(text .. '\n')
end

local function qualified(identifier, path)
  return single and path:gsub('%.qmd$', ''):gsub('/', '.') .. ':' .. identifier or identifier
end

local function raw(text)
  return pandoc.RawBlock('typst', text)
end

local function typst_string(text)
  return '"' .. text:gsub('\\', '\\\\'):gsub('"', '\\"'):gsub('\n', ' ') .. '"'
end

-- Blocks between the two halves of a Typst call.
local function wrapped(opening, blocks, closing)
  local result = pandoc.Blocks { raw(opening) }
  result:extend(blocks)
  result:insert(raw(closing))
  return result
end

-- A path of the site as seen from this page.
local function from_here(path)
  local folder = pandoc.path.directory(index.pages[here].page)
  return folder == '.' and path or pandoc.path.make_relative(path, folder, true)
end

-- Where a link to `identifier` in the chapter `path` goes, seen from here; an identifier of "" is the chapter itself.
local function target_of(path, identifier)
  if single then
    return '#' .. qualified(identifier == '' and index.pages[path].heading or identifier, path)
  end
  local fragment = identifier == '' and '' or '#' .. identifier
  if path == here and fragment ~= '' then
    return fragment
  end
  return from_here(index.pages[path].page) .. fragment
end

-- Cross-references -----------------------------------------------------------------------------------------------

local function is_reference(citation)
  local prefix = citation.id:lower():match('^(%a+)%-')
  return prefix and PREFIX[prefix] ~= nil and prefix ~= 'ch' and not index.citations[citation.id]
end

local function reference(citation)
  local identifier = citation.id:sub(1, 1):lower() .. citation.id:sub(2)
  local label = index.labels[identifier]
  if not label then
    problem('unresolved reference @' .. citation.id)
    return {}
  elseif label.number == '' then
    problem('@' .. citation.id .. ' refers to a heading without a number; link to it instead')
    return {}
  end
  local text = pandoc.Inlines {}
  if #citation.prefix > 0 then
    text:extend(citation.prefix)
    text:insert(pandoc.Str(NBSP))
  elseif citation.mode ~= 'SuppressAuthor' then
    local prefix = label.number:match('^%u$') and 'Appendix' or PREFIX[label.kind]
    text:insert(pandoc.Str(prefix .. NBSP))
  end
  text:insert(pandoc.Str((label.number:gsub(' ', NBSP))))
  return { pandoc.Link(text, target_of(label.path, identifier), '', { class = 'reference' }) }
end

local function references(cite)
  local found = pandoc.Inlines {}
  local others = 0
  for _, citation in ipairs(cite.citations) do
    if is_reference(citation) then
      if #found > 0 then
        found:extend { pandoc.Str(','), pandoc.Space() }
      end
      found:extend(reference(citation))
    else
      others = others + 1
      if not index.citations[citation.id] then
        problem('missing citation @' .. citation.id)
      end
    end
  end
  if #found > 0 and others > 0 then
    problem('"' .. stringify(cite.content) .. '" mixes references with citations; write them apart')
  end
  return others == 0 and found or nil
end

-- Links and images -----------------------------------------------------------------------------------------------

-- A path as written in this chapter, from the project's folder; "/" begins there. pandoc.path.normalize would leave "..".
local function resolved(path)
  local parts = {}
  local full = path:sub(1, 1) == '/' and path or pandoc.path.join { pandoc.path.directory(here), path }
  for part in full:gmatch('[^/]+') do
    if part == '..' then
      table.remove(parts)
    elseif part ~= '.' then
      table.insert(parts, part)
    end
  end
  return table.concat(parts, '/')
end

local function link(element)
  if element.target:match('^%a[%w+.-]*:') or element.classes:includes('reference') then
    return nil
  end
  local file, identifier = element.target:match('^([^#]*)#?(.*)$')
  local path = file == '' and here or resolved(file)
  local page = index.pages[path]
  if not page then
    problem('broken link to ' .. element.target .. ': no such chapter')
  elseif identifier ~= '' and not page.identifiers[identifier] then
    problem('broken link to ' .. element.target .. ': ' .. path .. ' has no such identifier')
  elseif not html and page.not_in_pdf[identifier] then
    problem('broken link to ' .. element.target .. ' in the PDF, which does not hold it; make the link for the site alone')
  else
    element.target = target_of(path, identifier)
  end
  return element
end

-- A width in pixels is the picture's own size; a percentage is a part of the column.
local function typst_width(width)
  local pixels, percent = (width or ''):match('^([%d.]+)px$') or (width or ''):match('^([%d.]+)$'), width
  if pixels then
    return pixels * 0.75 .. 'pt'
  end
  return percent or 'auto'
end

local function image(element)
  if html then
    if single then
      element.src = resolved(element.src)
    elseif element.src:sub(1, 1) == '/' then
      element.src = from_here(element.src:sub(2))
    end
    return element
  end
  local path = typst_string('/' .. resolved(element.src))
  return pandoc.RawInline('typst', ('#picture(%s, width: %s, alt: %s)'):format(
    path, typst_width(element.attributes.width), typst_string(stringify(element.caption))))
end

-- Figures and tables ---------------------------------------------------------------------------------------------

-- A figure has a kind and a number, a part of a figure only a letter, an unlabelled figure neither.
local function caption_text(kind, number, caption)
  local text = pandoc.Inlines {}
  if number then
    local str = pandoc.Str(kind and PREFIX[kind] .. NBSP .. number .. ':' or '(' .. number .. ')')
    text:insert(html and pandoc.Span({ str }, { class = 'float-number' }) or kind and pandoc.Strong { str } or str)
    text:insert(pandoc.Space())
  end
  text:extend(pandoc.utils.blocks_to_inlines(caption))
  return { pandoc.Plain(text) }
end

local function columns(blocks, count)
  if html then
    return { pandoc.Div(blocks, { class = 'columns', style = '--columns: ' .. count }) }
  end
  local cells = pandoc.Blocks {}
  for _, block in ipairs(blocks) do
    cells:extend(wrapped('[', { block }, '],'))
  end
  return wrapped('#grid(columns: ' .. count .. ' * (1fr,), gutter: 1em,', cells, ')')
end

-- A figure in the PDF. placement: "auto" for the top or the foot of this page or of the next one, so that text fills the
-- page between them; "none" for where it stands.
local function placed(element, placement)
  return wrapped('#[#set figure(placement: ' .. placement .. ')', { element }, ']')
end

local function figure(element)
  local number, kind, count = element.attributes.number, element.attributes.kind, element.attributes['layout-ncol']
  local content = count and columns(element.content, count) or element.content
  local long = caption_text(kind, number, element.caption.long)
  local class = kind and 'float float-' .. kind or 'subfloat'
  local made = pandoc.Figure(content, { long = long }, pandoc.Attr(element.identifier, { class }))
  return html and made or placed(made, kind and 'auto' or 'none')
end

-- "0.93 (0.90–0.95)" may break before the bracket, not at the dash; the same for a date, but not for the name of a file.
local function keep_together(str)
  local numbers = str.text:gsub('\u{a0}to\u{a0}−?', '–')
  if numbers:match('%a') or not (numbers:match('%d%-%d') or numbers:match('%d–%d')) then
    return nil
  elseif html then
    return pandoc.Span({ str }, { class = 'together' })
  end
  return { pandoc.RawInline('typst', '#box['), str, pandoc.RawInline('typst', ']') }
end

-- In prose a measured value stays on one line as a whole; on the site the stylesheet sees to it.
local function measured(element)
  if html or not (element.classes:includes('measured') or element.classes:includes('together')) then
    return nil
  end
  element.content = element.content:walk {
    Space = function() return pandoc.Str(NBSP) end,
    Str = keep_together,
  }
  return element
end

-- The head of a table is bold in the PDF; where it has none, its first row is like the others.
local function bold_head(element)
  for _, row in ipairs(element.head.rows) do
    for _, cell in ipairs(row.cells) do
      for _, block in ipairs(cell.contents) do
        block.content = pandoc.Inlines { pandoc.Strong(block.content) }
      end
    end
  end
  return element
end

-- About how many lines a table has in the PDF.
local function lines(element)
  local count = 0
  for _, body in ipairs(element.bodies) do
    for _, row in ipairs(body.body) do
      local length = 0
      for _, cell in ipairs(row.cells) do
        length = length + #stringify(pandoc.Div(cell.contents))
      end
      count = count + 1 + length // CHARACTERS_A_LINE
    end
  end
  return count
end

-- Whether a table is narrow enough for the PDF if each of its intervals stays on one line. Cells of words may break.
local function has_room(element)
  local needed = {}
  for _, body in ipairs(element.bodies) do
    for _, row in ipairs(body.body) do
      for place, cell in ipairs(row.cells) do
        local text = stringify(pandoc.Div(cell.contents))
        local width = utf8.len(text) or #text
        if not text:match(INTERVAL) then
          width = math.min(width, CHARACTERS_OF_WORDS)
        end
        needed[place] = math.max(needed[place] or 0, width + CHARACTERS_BETWEEN)
      end
    end
  end
  local sum = 0
  for _, width in ipairs(needed) do
    sum = sum + width
  end
  return sum <= CHARACTERS_A_LINE
end

-- In the PDF a name of a file, of three parts or more, may break where they meet.
local function breakable_name(str)
  if str.text:match('%w[_-]%w+[_-]%w') then
    return pandoc.Str((str.text:gsub('([_-])', '%1\u{200b}')))
  end
end

-- In the PDF an interval in a table of few columns stays on one line.
local function whole_interval(cell)
  if not stringify(cell):match(INTERVAL) then
    return nil
  end
  cell.content = cell.content:walk { Space = function() return pandoc.Str(NBSP) end }
  return cell
end

local function scrolling_table(element)
  element = element:walk { Str = keep_together }
  if not html then
    element = element:walk { Str = breakable_name }
    element = has_room(element) and element:walk { Plain = whole_interval } or element
  end
  -- Columns as wide as their content: pandoc takes the dashes below a long header for widths.
  element.colspecs = element.colspecs:map(function(spec) return { spec[1] } end)
  local number = element.attributes.number
  element.attributes.number = nil
  if number then
    element.caption.long = caption_text('tbl', number, element.caption.long)
  end
  if not html then
    local headed = bold_head(element)
    if number and lines(element) <= MOST_LINES_PLACED then
      return placed(headed, 'auto')
    end
    -- What stands where it is does not overtake what waits for its place.
    return number and { raw('#place.flush()'), headed } or headed
  end
  local caption, identifier = element.caption, element.identifier
  element.caption, element.identifier = { long = {} }, ''
  local named = stringify(caption.long) ~= ''
  local label = named and stringify(caption.long) or 'Table'
  -- As pairs: the order of a table's keys is another in each run.
  local scroller = pandoc.Div({ element },
    pandoc.Attr('', { 'table' }, { { 'tabindex', '0' }, { 'role', named and 'region' or 'group' }, { 'aria-label', label } }))
  if #caption.long == 0 then
    return scroller
  end
  return pandoc.Figure({ scroller }, caption, pandoc.Attr(identifier, { 'float', 'float-tbl' }))
end

local function equation(div)
  local number = '(' .. div.attributes.number .. ')'
  div.attributes.number = nil
  if html then
    div.content:insert(pandoc.Plain { pandoc.Span({ pandoc.Str(number) }, { class = 'equation-number' }) })
    return div
  end
  return wrapped('#numbered-equation("' .. number .. '")[', div.content, '] <' .. div.identifier .. '>')
end

-- Callouts, code and conditions ----------------------------------------------------------------------------------

local function callout(div, kind)
  local title = div.attributes.title
  local heading = title and pandoc.utils.blocks_to_inlines(pandoc.read(title, 'markdown').blocks)
    or pandoc.Inlines { pandoc.Str(CALLOUTS[kind]) }
  if not html then
    local opening = pandoc.Plain(heading)
    opening.content:insert(1, pandoc.RawInline('typst', '#callout("' .. kind .. '")['))
    opening.content:insert(pandoc.RawInline('typst', ']['))
    local blocks = pandoc.Blocks { opening }
    if title == 'Summary' then
      -- What the chapter has shown stands before its summary.
      blocks:insert(1, raw('#place.flush()'))
    end
    blocks:extend(div.content)
    blocks:insert(raw(']'))
    return blocks
  end
  local class = 'callout callout-' .. kind
  local body = pandoc.Div(div.content, { class = 'callout-body' })
  if div.attributes.collapse == nil then
    local line = pandoc.Div({ pandoc.Plain(heading) }, { class = 'callout-title' })
    return pandoc.Div({ line, body }, { id = div.identifier, class = class, role = 'note' })
  end
  local open = div.attributes.collapse == 'false' and ' open' or ''
  local summary = pandoc.Plain(heading)
  summary.content:insert(1, pandoc.RawInline('html', '<summary class="callout-title">\n'))
  summary.content:insert(pandoc.RawInline('html', '</summary>'))
  return { pandoc.RawBlock('html', '<details class="' .. class .. '"' .. open .. '>'), summary, body,
    pandoc.RawBlock('html', '</details>') }
end

local function cell_code(div)
  local fold = div.attributes.fold
  if not html and fold and not pdf_code then
    return {}
  elseif not html then
    return wrapped('#cell-code[', div.content, ']')
  elseif fold == nil then
    return div.content
  end
  local summary = pandoc.write(pandoc.Pandoc { pandoc.Plain { pandoc.Str(div.attributes.summary) } }, 'html')
  local blocks = pandoc.Blocks {
    pandoc.RawBlock('html', '<details class="code"' .. (fold == 'show' and ' open' or '') .. '><summary>'
      .. summary .. '</summary>') }
  blocks:extend(div.content)
  blocks:insert(pandoc.RawBlock('html', '</details>'))
  return blocks
end

local function is_format(name)
  return name == (html and 'html' or 'typst')
end

local function condition(div)
  local when, unless = div.attributes['when-format'], div.attributes['unless-format']
  local holds = (not when or is_format(when)) and (not unless or not is_format(unless))
  if div.classes:includes('content-hidden') then
    holds = not holds
  end
  return holds and div.content or {}
end

local function div(element)
  if element.classes:includes('content-visible') or element.classes:includes('content-hidden') then
    return condition(element)
  elseif element.classes:includes('equation') then
    return equation(element)
  elseif element.classes:includes('cell-code') then
    return cell_code(element)
  end
  for _, class in ipairs(element.classes) do
    local kind = class:match('^callout%-(%a+)$')
    if kind and CALLOUTS[kind] then
      return callout(element, kind)
    end
  end
  if not html and element.identifier == '' then
    return element.classes:includes('cell-output')
      and wrapped('#cell-output[', element.content, ']') or element.content
  end
end

-- The page -------------------------------------------------------------------------------------------------------

local function heading(header)
  local number = header.attributes.number
  header.attributes.number = nil
  if html and number then
    local span = pandoc.Span({ pandoc.Str(number) }, { class = 'heading-number' })
    header.content:insert(1, pandoc.Space())
    header.content:insert(1, span)
  elseif not html and not number and not header.classes:includes('unnumbered') then
    header.classes:insert('unnumbered')
  end
  return header
end

-- The chapter's heading leaves the body for the template, so that the table of contents begins below it.
local function lift_title(document)
  document.blocks = document.blocks:walk {
    Header = function(header)
      if header.level == 1 then
        document.meta.title = pandoc.MetaInlines(header.content)
        document.meta.heading = header.identifier
        return {}
      end
    end,
  }
  return document
end

local function qualify(element)
  if element.identifier and element.identifier ~= '' then
    element.identifier = qualified(element.identifier, here)
    return element
  end
end

local function append_bibliography(document)
  local cites = false
  document:walk { Cite = function() cites = true end }
  if cites then
    document.blocks:insert(pandoc.Header(2, 'References', pandoc.Attr('references', { 'unnumbered' })))
    document.blocks:insert(pandoc.Div({}, pandoc.Attr('refs')))
  end
end

function Pandoc(document)
  html = stringify(document.meta.target) ~= 'typst'
  single = stringify(document.meta.target) ~= 'html'
  pdf_code = document.meta.pdf_code
  here = stringify(document.meta.chapter_path)
  local file <close> = assert(io.open(stringify(document.meta.index_file)))
  index = pandoc.json.decode(file:read('a'), false)
  if single then
    document = document:walk { Block = qualify, Inline = qualify }
  end
  document = document:walk { Div = div }:walk { Cite = references }:walk { Link = link }:walk { Link = measured, Span = measured }
  document = document:walk { Image = image }:walk { Figure = figure, Table = scrolling_table, Header = heading }
  if not single then
    append_bibliography(document)
    document = lift_title(document)
  end
  return document
end
