-- A Typst book is one file, so a link to a place in a chapter's file is a link to that place.
function Link(link)
  local id = link.target:match("%.qmd#(.+)$")
  if id and FORMAT:match("typst") then
    link.target = "#" .. id
    return link
  end
end

-- Pandoc shares the width of a table out by the length of its source lines, which anchors and links inflate.
function Table(element)
  element.colspecs = element.colspecs:map(function(column) return { column[1], nil } end)
  return element
end
