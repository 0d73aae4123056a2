/** The look of the page: one sheet, no script, no file from elsewhere. Dark where the browser is. */

export const style = `
:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a404b); --soft: light-dark(#5a6372, #a3adbb);
  --bar: light-dark(#f3f5f8, #1d2128); --accent: light-dark(#1a56c4, #8ab4ff); --bad: light-dark(#b3261e, #ff9a8f);
  --good: light-dark(#1c6b33, #7fd99a); --paper: light-dark(#ffffff, #14171c); --ink: light-dark(#15181d, #e8ebf0); }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
header, main { max-width: 75rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; justify-content: space-between; }
header p { margin: 0; color: var(--soft); }
h1 { font-size: 1.4rem; margin: 0; } h1 a { color: inherit; text-decoration: none; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h2 small { font-weight: normal; color: var(--soft); }
a { color: var(--accent); }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.note { border: 1px solid var(--line); border-left: .3rem solid var(--soft); padding: .6rem .9rem; margin: 1rem 0; background: var(--bar); }
.note.good { border-left-color: var(--good); } .note.bad { border-left-color: var(--bad); }
.search { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; background: var(--bar); padding: 1rem; border: 1px solid var(--line); }
.search div { flex: 1 1 14rem; }
label { display: block; font-weight: 600; margin-bottom: .2rem; }
input { font: inherit; width: 100%; padding: .5rem .6rem; border: 1px solid var(--soft); border-radius: .25rem; background: var(--paper); color: inherit;
  min-height: 2.75rem; } input.handle { font-size: 1rem; }
button, .button { font: inherit; min-height: 2.75rem; padding: .4rem 1rem; border-radius: .25rem; border: 1px solid var(--accent);
  background: var(--paper); color: var(--accent); cursor: pointer; text-decoration: none; display: inline-block; }
button.bad { border-color: var(--bad); color: var(--bad); } button:hover, .button:hover { background: var(--bar); }
table { width: 100%; border-collapse: collapse; } caption { text-align: left; color: var(--soft); padding: .3rem 0; }
th, td { text-align: left; padding: .45rem .6rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { font-weight: 600; vertical-align: bottom; } td form { margin: 0; } .handle { font-family: ui-monospace, monospace; font-size: .95em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; } dt { color: var(--soft); } dd { margin: 0; }
pre { background: var(--bar); border: 1px solid var(--line); padding: .8rem; overflow: auto; white-space: pre-wrap; }
details { border: 1px solid var(--line); padding: .6rem .9rem; margin: 1.5rem 0; } summary { cursor: pointer; color: var(--bad); min-height: 1.6rem; }
.count { border: 1px solid var(--line); padding: .6rem 1rem; min-width: 9rem; width: fit-content; } .count strong { display: block; font-size: 1.5rem; }
.soft { color: var(--soft); }
@media (max-width: 45rem) {
  table, caption, tbody, tr, td { display: block; } thead { position: absolute; left: -99rem; }
  tr { border: 1px solid var(--line); margin: .75rem 0; padding: .4rem .8rem; }
  td { border: 0; padding: .2rem 0; display: grid; grid-template-columns: 7rem 1fr; } td:empty { display: none; }
  td::before { content: attr(data-name); color: var(--soft); } td.act { display: block; } td.act::before { content: none; }
  td.act button { width: 100%; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; }
}`;
