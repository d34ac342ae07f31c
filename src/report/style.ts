// The page's style: light and dark, wide and narrow, on paper.

/**
 * The colours of marks.ts on paper and on light pages; lighter ones of the same hues on dark pages.
 */
const light = ["#b84a00", "#0063a6", "#00734f", "#a13a7a", "#6b5b00", "#5b4bb0"];
const dark = ["#f0935a", "#63b3f0", "#46c596", "#e388bf", "#cdb74a", "#aca2f7"];
const marks = (colours: readonly string[]): string =>
  colours.map((c, i) => `--m${i}:${c}`).join(";");
const markRules = light.map((_, i) => `.m${i}{--mark:var(--m${i})}`).join("");

export const style: string = `
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#5a6068;--line:#d9dce1;--card:#fff;--page:#f5f6f8;--code:#eef0f3;
--pass:#0a5a3c;--pass-back:#e3f4ec;--fail:#8c1d04;--fail-back:#fdeae4;--error:#5f3b00;--error-back:#fff2d6;
--open:#4b3a8c;--open-back:#eceafa;--none:#444;--none-back:#eee;--right:#0072b2;--wrong:#d55e00;${marks(light)}}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#a4abb5;--line:#3a3f47;--card:#1d2025;
--page:#131518;--code:#2a2e35;--pass:#8fdcb9;--pass-back:#12382a;--fail:#ffb199;--fail-back:#4a1a0e;
--error:#f3cf86;--error-back:#43300a;--open:#c3b9fa;--open-back:#2f2855;--none:#c8ccd2;--none-back:#33373e;${marks(dark)}}}
${markRules}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:20px;line-height:1.3;margin:0 0 6px}
h3{font-size:16px;line-height:1.35;margin:22px 0 8px}
p{margin:6px 0;max-width:78ch}
h1,h2,h3,p,dd,dt,summary{overflow-wrap:anywhere}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:2px}
.soft{color:var(--soft)}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:20px 22px;margin:18px 0}
.chip{display:inline-block;border-radius:10px;padding:0 9px;font-size:13px;line-height:1.5;font-weight:600;
white-space:nowrap;border:1px solid color-mix(in srgb,currentColor 35%,transparent);vertical-align:.08em}
.pass{color:var(--pass);background:var(--pass-back)}.fail{color:var(--fail);background:var(--fail-back)}
.inconclusive{color:var(--open);background:var(--open-back)}
.error{color:var(--error);background:var(--error-back)}.not-applicable{color:var(--none);background:var(--none-back)}
.scroll{overflow-x:auto;max-width:100%;container-type:inline-size}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px;margin:8px 0}
th,td{text-align:left;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}
td{white-space:nowrap}td:has(.chip){white-space:normal;min-width:120px}
tr:has(.chip) td.short:not(:has(.chip)){white-space:normal;min-width:18ch}
.words{white-space:normal;min-width:24ch;overflow-wrap:anywhere}
td[style],td[style]+td{padding-left:8px}
thead th{font-weight:600;color:var(--soft);font-size:13px}
tbody th{font-weight:600;min-width:84px}
.mark{width:11px;height:11px;display:inline;margin-right:4px}
.filled{fill:var(--mark)}.drawn{stroke:var(--mark)}
.axes{fill:var(--soft)}.names,.name{fill:var(--ink)}.value{fill:var(--soft)}.rule{stroke:var(--line)}
.side{overflow:hidden}
.plot svg{width:100%;min-width:560px;max-width:760px;height:auto;display:block;margin:8px 0}
.grid{display:grid;gap:6px;margin:10px 0;max-width:calc(110px + var(--columns)*250px)}
.small{max-width:calc(110px + var(--columns)*190px)}
.grid figure{margin:0;min-width:108px}
.frame{position:relative;overflow:hidden;border-radius:3px;background:#000}
.frame img,.crop,.whole{width:100%;height:auto;display:block}
.crop{image-rendering:pixelated}
.store{position:absolute}
.frame .soft{background:var(--card);padding:8px;margin:0}
.box{position:absolute;border:1.5px solid #ffd23f}
.scale-bar{position:absolute;left:6%;bottom:5%;border-bottom:3px solid #fff;color:#fff;font-size:11px;
line-height:1.3;white-space:nowrap;text-shadow:0 0 2px #000,0 0 2px #000}
figcaption{font-size:12.5px;line-height:1.35;color:var(--soft);padding-top:3px}
figcaption b{color:var(--ink)}
.head{font-size:13px;line-height:1.35;font-weight:600;align-self:end}.head .soft{font-weight:400;display:block}
.side{font-size:13px;line-height:1.35;font-weight:600;align-self:center;max-width:120px;
min-width:0;hyphens:auto;overflow-wrap:break-word}
.windows{max-width:none}
.ramp{height:10px;width:180px;border-radius:2px;display:inline-block;vertical-align:middle;
background:linear-gradient(90deg,#000004,#420a68,#932667,#dd513a,#fca50a,#fcffa4)}
details{border-top:1px solid var(--line);margin-top:14px;padding-top:8px}
summary{cursor:pointer;font-weight:600}
dl{margin:6px 0;font-size:14px}dd{margin:0}
.facts{display:flex;flex-wrap:wrap;gap:2px 22px}
.facts div{display:flex;flex-wrap:wrap;gap:0 6px}.facts dt{color:var(--soft)}
.facts-title{font-weight:600;margin-top:14px}
.verdicts div{display:grid;grid-template-columns:minmax(210px,max-content) 1fr;gap:2px 18px;padding:6px 0;
border-bottom:1px solid var(--line)}
.verdicts dt{font-weight:600}
code{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{margin:6px 0;white-space:pre-wrap}pre code{display:block;background:var(--code);border-radius:3px;padding:8px 10px}
@media (max-width:560px){
main{padding:18px 10px 40px}section{padding:14px 12px}h1{font-size:22px}h2{font-size:18px}
th,td{padding-right:10px}tbody th{max-width:44vw}.ramp{width:110px}
.verdicts div{grid-template-columns:1fr}
}
@container (max-width:516px){
.stacks thead{display:none}.stacks,.stacks tbody,.stacks tr{display:block}
.stacks tr{border-bottom:1px solid var(--line);padding:6px 0}
.stacks th,.stacks td{display:block;border:0;padding:1px 0;max-width:none;white-space:normal;overflow-wrap:anywhere}
.stacks td[style]{padding:1px 6px}
.stacks td::before{content:attr(data-name) ": ";color:var(--soft)}
}
@media print{
body{background:#fff;font-size:12px}main{max-width:none;padding:0}
section{border:0;padding:0;margin:0 0 18px}
.chip{font-size:inherit;padding:0 5px}.head{break-after:avoid}
figure,svg,tr,.grid,.verdicts div{break-inside:avoid}h2,h3,summary{break-after:avoid}
.scroll{overflow:visible}td{white-space:normal}table,thead th{font-size:10px}th,td{padding-right:8px}
.plot svg{min-width:0;max-width:520px}
.grid{grid-auto-columns:auto;max-width:calc(90px + var(--columns)*130px)}.grid figure{min-width:0}
.small{max-width:calc(110px + var(--columns)*112px)}
.chip,.ramp,.frame,td[style],.grid img,svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details::details-content{content-visibility:visible;display:block;height:auto;block-size:auto}
summary{list-style:none}
}`;
