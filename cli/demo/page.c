/* The live page: one document, nothing fetched but /.weir/endings, once a second. */
#include "demo/demo.h"

static const char page[] =
    "<!doctype html>\n"
    "<html lang=en>\n"
    "<meta charset=utf-8>\n"
    "<meta name=viewport content='width=device-width, initial-scale=1'>\n"
    "<title>weir demo</title>\n"
    "<style>\n"
    ":root { color-scheme: light dark; --dim: #777; --line: #8884 }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }\n"
    "h1 { font-size: 1.3rem; margin: 0 } h2 { font-size: 1rem; margin: 2rem 0 .4rem }\n"
    "header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap }\n"
    "#state { color: var(--dim) } #state.bad { color: #c33 }\n"
    "#totals { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .6rem; "
    "margin-top: 1.2rem }\n"
    "#totals div { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .7rem }\n"
    "#totals b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums }\n"
    "#totals span { color: var(--dim); font-size: .85rem }\n"
    "table { border-collapse: collapse; width: 100% }\n"
    "td, th { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line) }\n"
    "td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }\n"
    "code { font-size: .9em }\n"
    ".routine { color: var(--dim) } .notable { color: #b80 } .fault, .abuse { color: #d50 } .bug { color: #c0c }\n"
    "</style>\n"
    "<header><h1>weir demo</h1><span id=state>connecting</span></header>\n"
    "<section id=totals></section>\n"
    "<h2>Connections that ended, by code</h2>\n"
    "<table><thead><tr><th>code<th>class<th>meaning<th class=n>endings<th class=n>a second</thead>"
    "<tbody id=codes></tbody></table>\n"
    "<h2>Delivery</h2>\n"
    "<table><tbody id=delivery></tbody></table>\n"
    "<p><a href=/.weir/endings>the ledger as JSON</a> · <a href=/.weir/metrics>as OpenMetrics</a></p>\n";

static const char script[] =
    "const $ = id => document.getElementById(id)\n"
    "const n = v => v.toLocaleString('en')\n"
    "const cell = (row, text, kind) => {\n"
    "  const td = row.insertCell()\n"
    "  td.textContent = text\n"
    "  if (kind) td.className = kind\n"
    "}\n"
    "let before = null, then = 0\n"
    "const rate = (now, key, get) => {\n"
    "  if (!before) return ''\n"
    "  return n(Math.round(((get(now)[key] || 0) - (get(before)[key] || 0)) * 1000 / (performance.now() - then)))\n"
    "}\n"
    "function show(l) {\n"
    "  const totals = [['accepted', l.accepted], ['alive', l.alive], ['idle', l.idle], ['ended', l.ended],\n"
    "    ['exchanges', l.exchanges.done], ['exchanges a second', rate(l, 'done', x => x.exchanges)],\n"
    "    ['octets in', l.octets_in], ['octets acknowledged', l.octets_acked]]\n"
    "  $('totals').replaceChildren(...totals.map(([name, value]) => {\n"
    "    const box = document.createElement('div'), b = document.createElement('b')\n"
    "    const label = document.createElement('span')\n"
    "    b.textContent = typeof value === 'number' ? n(value) : value || '-'\n"
    "    label.textContent = name\n"
    "    box.append(b, label)\n"
    "    return box\n"
    "  }))\n"
    "  $('codes').replaceChildren()\n"
    "  for (const [code, count] of Object.entries(l.by_code).sort((a, b) => b[1] - a[1])) {\n"
    "    const row = $('codes').insertRow(), [judged, text] = codes[code] || ['', '']\n"
    "    cell(row, code); cell(row, judged, judged); cell(row, text); cell(row, n(count), 'n')\n"
    "    cell(row, rate(l, code, x => x.by_code), 'n')\n"
    "  }\n"
    "  $('delivery').replaceChildren()\n"
    "  for (const [word, count] of Object.entries(l.by_delivery)) {\n"
    "    const row = $('delivery').insertRow()\n"
    "    cell(row, word); cell(row, n(count), 'n')\n"
    "  }\n"
    "}\n"
    "async function poll() {\n"
    "  try {\n"
    "    const answer = await fetch('/.weir/endings', { cache: 'no-store' })\n"
    "    const ledger = await answer.json()\n"
    "    show(ledger)\n"
    "    before = ledger; then = performance.now()\n"
    "    $('state').textContent = 'live, ' + new Date().toLocaleTimeString(); $('state').className = ''\n"
    "  } catch (e) {\n"
    "    $('state').textContent = 'no answer: the server has stopped or is draining'; $('state').className = 'bad'\n"
    "  }\n"
    "  setTimeout(poll, 1000)\n"
    "}\n"
    "poll()\n"
    "</script>\n";

/* Filled once, before anything is served: the page, and between it and its script the table of codes. */
static struct text whole = {.grows = true};

static void add_codes(void)
{
    text_printf(&whole, "<script>\nconst codes = {\n");
    for (unsigned i = 0; i < WEIR_CODE_MAX; i++) {
        if (!weir_code_is_known((weir_code)i))
            continue;
        text_printf(&whole, "%s: [\"%s\", ", weir_code_name((weir_code)i),
                    weir_class_name(weir_code_class((weir_code)i)));
        text_json(&whole, weir_str_from(weir_code_text((weir_code)i)));
        text_printf(&whole, "],\n");
    }
    text_printf(&whole, "}\n");
}

void demo_page_init(void)
{
    text_add(&whole, page, sizeof(page) - 1);
    add_codes();
    text_add(&whole, script, sizeof(script) - 1);
}

weir_str demo_page_html(void)
{
    return text_view(&whole);
}
