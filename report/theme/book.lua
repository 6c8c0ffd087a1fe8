-- A PDF, an EPUB or a Word file is one document, so a link to a chapter's file, or to a place in it, is a link to that
-- place. On the site links stay as they are.

local project = pandoc.path.join { pandoc.path.directory(PANDOC_SCRIPT_FILE), '..', '..' }

-- The identifier of a chapter's heading: its own, or the one that pandoc makes of its text.
local function heading_of(path)
  local file <close> = assert(io.open(pandoc.path.join { project, path }))
  for line in file:lines() do
    local heading = line:match('^# (.*)')
    if heading then
      local own = heading:match('{[^}]*#([%w_-]+)')
      return own or pandoc.read('# ' .. heading).blocks[1].identifier
    end
  end
end

-- A path from the project's folder: chapters name one another by "/report/x.qmd", "x.qmd" or "../index.qmd".
local function from_project(path)
  if path:sub(1, 1) == '/' then
    return path:sub(2)
  end
  local name = pandoc.path.filename(path)
  return name == 'index.qmd' and name or pandoc.path.join { 'report', name }
end

-- "0.93 (0.90–0.95)" may break before the bracket, not at the dash; the same for a date, but not for the name of a file.
local function keep_together(str)
  local numbers = str.text:gsub('\u{a0}to\u{a0}−?', '–')
  if numbers:match('%a') or not (numbers:match('%d%-%d') or numbers:match('%d–%d')) then
    return nil
  elseif FORMAT:match('html') then
    return pandoc.Span({ str }, { class = 'together' })
  elseif FORMAT:match('typst') then
    return { pandoc.RawInline('typst', '#box['), str, pandoc.RawInline('typst', ']') }
  end
end

-- On one line as a whole; on the site the stylesheet sees to it.
local function on_one_line(inlines)
  if FORMAT:match('typst') then
    return inlines:walk { Space = function() return pandoc.Str('\u{a0}') end, Str = keep_together }
  end
  return inlines
end

function Span(span)
  if span.classes:includes('together') then
    span.content = on_one_line(span.content)
    return span
  end
end

function Link(link)
  if link.classes:includes('measured') then
    link.content = on_one_line(link.content)
  end
  local path, id = link.target:match('^([^#]*%.qmd)#?(.*)$')
  if path and not FORMAT:match('html') and not path:match('^%a[%w+.-]*:') then
    link.target = '#' .. (id ~= '' and id or heading_of(from_project(path)))
  end
  return link
end

-- Pandoc shares the width of a table out by the length of its source lines, which anchors and links inflate.
function Table(element)
  element = element:walk { Str = keep_together }
  element.colspecs = element.colspecs:map(function(column) return { column[1], nil } end)
  return element
end

-- Long lines of code are broken in the PDF, not stretched.
function CodeBlock(block)
  if FORMAT:match('typst') then
    return { pandoc.RawBlock('typst', '#[\n#set par(justify: false)'), block, pandoc.RawBlock('typst', ']') }
  end
end

-- The chapter as a notebook, below the page; the plain edition has its own place for such links.
function Pandoc(doc)
  if not (quarto and quarto.doc.is_format('html:js')) then
    return nil
  end
  local file <close> = io.open(pandoc.path.join { project, 'notebooks', 'links.json' })
  local chapter = pandoc.path.make_relative(quarto.doc.input_file, quarto.project.directory)
  local links = file and pandoc.json.decode(file:read('a'))[chapter]
  if links then
    local line = pandoc.List()
    for position, link in ipairs(links) do
      line:extend { pandoc.Str(position > 1 and ' · ' or ''), pandoc.Link(link.text, link.href) }
    end
    doc.blocks:insert(pandoc.Div({ pandoc.Para(line) }, { class = 'notebook' }))
    return doc
  end
end

-- What the pages load: made by the pre-render step. Only Quarto has `quarto`.
function Meta(meta)
  if quarto and quarto.doc.is_format("html:js") then
    quarto.doc.add_html_dependency({
      name = "pneumo-interactive",
      version = "1",
      scripts = { { path = "../../_interactive/interactive.js", attribs = { defer = "defer" } } },
      stylesheets = { "../../_interactive/interactive.css" },
      resources = {
        { name = "record-cards.js", path = "../../_interactive/record-cards.js" },
        { name = "page-model.js", path = "../../_interactive/page-model.js" },
      },
    })
  end
end
