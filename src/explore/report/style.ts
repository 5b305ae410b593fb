// The style sheet of a report's page: dark and light, laptop, phone and paper. No font or image of anybody else's.
export const STYLE = `
:root { color-scheme: light dark;
  --back: #ffffff; --ink: #1c2430; --soft: #5b6675; --line: #dfe3e9; --panel: #f6f7f9; --at: #dbe8ff; --at-line: #2563eb;
  --bad: #c2261f; --bad-back: #fdeceb; --note: #8a5a00; --irq: #efe9fb; --irq-line: #7c4dce; --off: #e9ecf1; --live: #eef3f8;
  --k0: #0f7b6c; --k1: #9a5b00; --k2: #6d3fc0; --k3: #b02a6b; --k4: #23689b; --k5: #4f7a12; }
@media (prefers-color-scheme: dark) { :root {
  --back: #12161c; --ink: #e3e8ef; --soft: #9aa6b5; --line: #2b333e; --panel: #1a2028; --at: #1d3358; --at-line: #6ea0ff;
  --bad: #ff8a80; --bad-back: #3a1a1c; --note: #e6b450; --irq: #2a2340; --irq-line: #b394f0; --off: #262c36; --live: #182029;
  --k0: #45c9b4; --k1: #e0a84a; --k2: #b79af2; --k3: #f08bbb; --k4: #7bb8e8; --k5: #a5cc5e; } }
* { box-sizing: border-box; }
html { scroll-padding: 4rem; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
code, pre, .mono, .block, .source, td { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
header, main, footer { max-width: 1560px; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1rem; }
h1 { font-size: 1.3rem; line-height: 1.35; margin: .3rem 0 .5rem; max-width: 90ch; overflow-wrap: anywhere; }
#file { text-transform: none; letter-spacing: 0; }
h2 { font-size: .8rem; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); margin: 1rem 0 .35rem; }
p { margin: .2rem 0; } .soft { color: var(--soft); }
h1 code { font-size: .88em; background: var(--panel); border-radius: 4px; padding: 0 .2em; }
.verdict { display: inline-block; background: var(--bad-back); color: var(--bad); border: 1px solid var(--bad); border-radius: 4px; padding: 0 .5em; font-weight: 600; }
.message { overflow-wrap: anywhere; }
.replay { display: flex; gap: .5rem; align-items: center; margin: .6rem 0; min-width: 0; }
.replay code { background: var(--panel); border: 1px solid var(--line); border-radius: 5px; padding: .3rem .5rem; overflow-x: auto; white-space: nowrap; min-width: 0; }
button { font: inherit; font-size: .85rem; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 5px; padding: .25rem .6rem; cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--soft); } :focus-visible { outline: 2px solid var(--at-line); outline-offset: 1px; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1rem; font-size: .8rem; color: var(--soft); margin: .4rem 0; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: 2px; vertical-align: -1px; }
.grid { display: grid; grid-template-columns: minmax(0, 1fr) minmax(22rem, 30rem); gap: 1.2rem; align-items: start; }
/* ---- lanes */
.lanes { position: relative; }
#heads, .row, .title { display: grid; grid-template-columns: 2.6rem repeat(var(--cpus), minmax(0, 1fr)); }
#heads { position: sticky; top: 0; z-index: 5; background: var(--back); border-bottom: 2px solid var(--line); font-weight: 600; font-size: .85rem; padding: .35rem 0; }
#heads span { padding-left: .5rem; }
#steps { position: relative; list-style: none; margin: 0; padding: 0 0 .5rem; outline-offset: 3px; }
#lines { position: absolute; left: 0; top: 0; z-index: 1; pointer-events: none; overflow: visible; }
#lines path { fill: none; stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 3; opacity: .8; } #lines circle { fill: var(--bad); }
.row, .title { position: relative; min-height: 1.65rem; align-items: stretch; }
.row { cursor: pointer; }
.row:hover { background: var(--panel); }
.row.at { background: var(--at); box-shadow: inset 3px 0 0 var(--at-line); }
.n { color: var(--soft); font-size: .72rem; text-align: right; padding: .32rem .55rem 0 0; font-variant-numeric: tabular-nums; }
.cell { position: relative; display: flex; border-left: 1px solid var(--line); min-width: 0; padding-left: .5rem; }
.cell.live { background: linear-gradient(var(--live), var(--live)) 0 0 / 100% 100%; }
.row.at .cell.live, .row:hover .cell.live { background: none; }
.cell.off { background-image: repeating-linear-gradient(135deg, var(--off) 0 4px, transparent 4px 9px); }
.cell.irq { box-shadow: inset 4px 0 0 var(--irq-line); background-color: var(--irq); }
.bars { position: absolute; right: 2px; top: 0; bottom: 0; display: flex; flex-direction: row-reverse; gap: 2px; }
.bars i { width: 5px; } .bars i.top { border-top: 5px solid transparent; background-clip: padding-box; border-radius: 3px 3px 0 0; } .bars i.foot { border-bottom: 5px solid transparent; background-clip: padding-box; }
.k0 { --k: var(--k0); } .k1 { --k: var(--k1); } .k2 { --k: var(--k2); } .k3 { --k: var(--k3); } .k4 { --k: var(--k4); } .k5 { --k: var(--k5); }
.bars i, .legend i.lock { background: var(--k); }
.block { z-index: 2; font-size: .8rem; line-height: 1.35rem; margin: .14rem 0; padding: 0 .45rem; border-radius: 4px; border: 1px solid transparent; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; width: max-content; flex: none; }
.left .block { max-width: calc(var(--room) * 100%); } 
/* In the right half a text that is too long for its lane grows to the left: the spacer gives way first. */
.right { flex-direction: row-reverse; padding-right: 12px; } .right::before { content: ''; flex: 1 1 0; } .right .block { max-width: calc(var(--room) * 100%); }
.block { background: var(--back); border-color: var(--line); }
.row.at .block { border-color: var(--at-line); }
.write .block { font-weight: 600; } .lock .block, .unlock .block, .acquired .block { border-left: 3px solid var(--k, var(--soft)); }
.wait .block, .leave .block, .end .block, .exit .block { background: transparent; border-color: transparent; color: var(--soft); font-style: italic; }
.wait .block { color: var(--note); } .enter .block { background: var(--irq); border-color: var(--irq-line); }
.log .block { color: var(--note); border-style: dashed; }
.nested .block { margin-left: calc(var(--depth) * .7rem); }
.conflict .block, .row.conflict.at .block { background: var(--bad-back); border-color: var(--bad); color: var(--bad); font-weight: 600; }
.kernel .block { opacity: .75; }
.title .name { z-index: 2; align-self: end; font-size: .75rem; font-weight: 600; color: var(--soft); white-space: nowrap; width: max-content; padding-top: .35rem; }
.fold { display: flex; align-items: center; padding: .15rem 0 .15rem 2.6rem; color: var(--soft); font-size: .82rem; border-left: 0; }
.fold button { border-style: dashed; background: none; color: var(--soft); padding: .05rem .6rem; }
.folded, .show-all .fold { display: none; } .show-all .folded { display: grid; }
html:not(.stepped) .controls, html:not(.stepped) .machine { display: none; }
/* ---- the side */
#side { position: sticky; top: 0; max-height: 100vh; overflow-y: auto; padding: .5rem 0 1rem; }
.controls { display: flex; flex-wrap: wrap; gap: .3rem; margin-bottom: .4rem; }
.now-step { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .45rem .6rem; } #what { overflow-wrap: anywhere; font-size: .9rem; }
#sources { position: relative; border: 1px solid var(--line); border-radius: 6px; height: 40vh; min-height: 9rem; overflow: auto; background: var(--panel); }
.source { margin: 0; padding: .3rem 0; font-size: .78rem; line-height: 1.5; min-width: max-content; counter-reset: none; }
.line { display: block; padding: 0 .6rem 0 0; } .line::before { content: attr(data-n); display: inline-block; width: 3.2em; padding-right: .9em; text-align: right; color: var(--soft); border-left: 3px solid transparent; }
.line.marked::before { border-left-color: var(--bad); color: var(--bad); } .line.now { background: var(--at); }
table { border-collapse: collapse; width: 100%; font-size: .8rem; } td { padding: .15rem .4rem .15rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; } tr.now td { background: var(--at); } td i { color: var(--soft); }
b.lock { font-weight: 600; color: var(--k); }
#log { overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem; font-size: .8rem; }
footer { padding-bottom: 2rem; }
.causes li { margin: .2rem 0; } .causes { padding-left: 1.2rem; margin: .3rem 0; }
kbd { font: inherit; font-size: .8em; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 .35em; background: var(--panel); }
@media (max-width: 900px) {
  body { font-size: 14px; } header, main, footer { padding-left: .7rem; padding-right: .7rem; } h1 { font-size: 1.1rem; }
  .grid { display: block; } #heads, .row, .title { grid-template-columns: 1.8rem repeat(var(--cpus), minmax(0, 1fr)); } .n { padding-right: .3rem; }
  .fold { padding-left: 1.8rem; } .block { font-size: .75rem; } .keys { display: none; }
  #side { position: sticky; top: auto; bottom: 0; z-index: 6; max-height: none; background: var(--back); border-top: 2px solid var(--line); margin: 0 -.7rem; padding: .4rem .7rem .5rem; box-shadow: 0 -6px 14px rgb(0 0 0 / .12); }
  #side h2, #side .machine, #time { display: none; } #sources { height: 6.6rem; min-height: 0; margin-top: .35rem; } .controls { flex-wrap: nowrap; justify-content: space-between; } .controls button { flex: 1; padding: .45rem .2rem; } .controls .wide { display: none; }
  .now-step { padding: .25rem .5rem; } #what { font-size: .78rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
}
@media print {
  .controls, .replay button, .fold button, .options, .machine, .now-step { display: none; } .grid { display: block; } #side, #heads { position: static; max-height: none; } #sources { height: auto; } .row.at { background: none; box-shadow: none; }
  .row, .title { break-inside: avoid; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media (prefers-reduced-motion: no-preference) { .row { transition: background-color .08s; } }
`;
