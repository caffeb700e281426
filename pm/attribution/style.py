"""The page's style: light and dark by the reader's choice, black on white on paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--paper:#fcfcfb;--ink:#1a1a19;--soft:#5f5e5a;--rule:#e3e2de;
--gain:#2a78d6;--loss:#c8502f;--line:#2a78d6;--area:#2a78d622}
@media (prefers-color-scheme:dark){:root{--paper:#1a1a19;--ink:#f2f1ed;--soft:#a9a8a2;
--rule:#383835;--gain:#5a9eea;--loss:#e8825f;--line:#5a9eea;--area:#5a9eea2e}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:780px;margin:0 auto;padding:32px 20px 48px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:17px;margin:36px 0 4px}
p{margin:4px 0}
.soft,figcaption{color:var(--soft);font-size:13px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:16px;
margin:24px 0 8px;padding:0}
.tiles div{border-top:2px solid var(--rule);padding-top:8px}
.tiles dt{color:var(--soft);font-size:13px}
.tiles dd{margin:0;font-size:21px;overflow-wrap:anywhere}
figure{margin:8px 0 0}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--soft);font-size:11px}
svg .tick,svg .name{text-anchor:end}
svg .name{fill:var(--ink);font-size:12px}
svg .value{fill:var(--ink);font-size:12px}
svg .middle,svg .unknown{text-anchor:middle}
svg .end{text-anchor:end}
svg circle.end{fill:var(--line)}
svg .grid{stroke:var(--rule);stroke-width:1;fill:none}
svg .zero{stroke:var(--soft);stroke-width:1;fill:none}
svg .line{stroke:var(--line);stroke-width:2;fill:none;stroke-linejoin:round}
svg .area{fill:var(--area)}
svg .touch{fill:transparent}
svg .gain{fill:var(--gain)}
svg .loss{fill:var(--loss)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px;margin-top:8px}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--rule);
vertical-align:top}
th{font-weight:600}
thead th{color:var(--soft);font-weight:500}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.empty{border:1px dashed var(--rule);padding:14px;color:var(--soft)}
ul{margin:4px 0;padding-left:20px}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--rule:#ccc;
--gain:#1f5fae;--loss:#a8401f;--line:#1f5fae;--area:#1f5fae22}
main{max-width:none;padding:0}figure,tr,.tiles div{break-inside:avoid}
h2{break-after:avoid}.scroll{overflow:visible}}
"""
