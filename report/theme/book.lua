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
