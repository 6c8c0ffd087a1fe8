-- Links the first occurrence of each term of the glossary in a chapter to its entry there.
--
-- Runs before Quarto's own filters, and before the plain edition's numbering. Only paragraphs and lists count: no heading,
-- caption, table, callout title, or link.

local folder = pandoc.path.directory(PANDOC_SCRIPT_FILE)
local glossary = pandoc.path.join { folder, '..', 'glossary.qmd' }

local MOST_WORDS = 4

-- "Global average pooling" and "global average pooling" are one term; an abbreviation keeps its capitals.
local function key(text)
  return text:match('^%u%l') and text:lower() or text
end

local function terms()
  local found = {}
  local file <close> = assert(io.open(glossary))
  for line in file:lines() do
    local term, identifier = line:match('^%[(.-)%]{#(term%-[%w-]+)}')
    if term then
      found[key((term:gsub("'", '’')))] = identifier
    end
  end
  return found
end

local known, linked

-- The words from `start` on, up to MOST_WORDS, as text; with the place of the last one of each length.
local function link_terms(inlines)
  local result = pandoc.Inlines {}
  local place = 1
  while place <= #inlines do
    local matched = false
    for words = MOST_WORDS, 1, -1 do
      local last, text, complete = place + 2 * (words - 1), '', true
      for index = place, last do
        local inline = inlines[index]
        local is_word = (index - place) % 2 == 0
        if not inline or (is_word and inline.t ~= 'Str') or (not is_word and inline.t ~= 'Space') then
          complete = false
          break
        end
        text = text .. (is_word and inline.text or ' ')
      end
      if complete then
        local before, core, after = text:match('^([(“]*)(.-)([.,;:)?!”]*)$')
        local identifier = core and known[key(core)]
        if identifier and not linked[identifier] then
          linked[identifier] = true
          if before ~= '' then
            result:insert(pandoc.Str(before))
          end
          local content = pandoc.Inlines {}
          for word in core:gmatch('%S+') do
            if #content > 0 then
              content:insert(pandoc.Space())
            end
            content:insert(pandoc.Str(word))
          end
          result:insert(pandoc.Link(content, '/report/glossary.qmd#' .. identifier, '', { class = 'term' }))
          if after ~= '' then
            result:insert(pandoc.Str(after))
          end
          place = last + 1
          matched = true
          break
        end
      end
    end
    if not matched then
      result:insert(inlines[place])
      place = place + 1
    end
  end
  return result
end

local function paragraph(block)
  block.content = link_terms(block.content)
  return block, false
end

function Pandoc(document)
  local is_glossary = false
  document:walk { Span = function(span) is_glossary = is_glossary or span.identifier:match('^term%-') ~= nil end }
  if is_glossary then
    return nil
  end
  known, linked = terms(), {}
  local untouched = function(block) return block, false end
  return document:walk {
    traverse = 'topdown',
    Para = paragraph,
    Plain = untouched,
    Header = untouched,
    Table = untouched,
    Figure = untouched,
    Div = function(div)
      if div.identifier:match('^fig%-') or div.identifier:match('^tbl%-') then
        return div, false
      end
    end,
  }
end
