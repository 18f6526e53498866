#include "view/report/style.h"

#include <string_view>

#include "view/plot/picture.h"

namespace isotach::view {
namespace {

// Paper is light whatever the screen is, so that the dark colours are for screens alone.
constexpr std::string_view kDark = "screen and (prefers-color-scheme: dark)";

constexpr std::string_view kLayout = R"(
:root{color-scheme:light dark;--page:#fff;--text:#1b1f24;--muted:#59626c;--rule:#d5dae0;--tint:#f3f6f9;
--answer:#e8f1f9;--accent:#00568c}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);
font:16px/1.55 "Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",Arial,sans-serif}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.5rem}
h1{font-size:2.1rem;line-height:1.2;letter-spacing:-.01em;margin:0 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.4rem;line-height:1.3;margin:0;overflow-wrap:anywhere}
p{margin:.7rem 0;max-width:46rem;overflow-wrap:anywhere}
.subtitle{color:var(--muted);margin:0 0 1rem}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:1rem 0;font-size:.94rem}
.facts dt{color:var(--muted)}
.facts dd{margin:0;overflow-wrap:anywhere}
.summary{background:var(--answer);border-radius:.6rem;padding:1rem 1.4rem;margin:1.4rem 0}
.summary h2{font-size:1.05rem;color:var(--accent)}
.summary p{max-width:58rem}
.summary ul{margin:.5rem 0;padding-left:1.2rem}
.summary li{margin:.35rem 0;max-width:58rem;overflow-wrap:anywhere}
nav{font-size:.94rem;margin:1.2rem 0}
nav ol{margin:.3rem 0;padding-left:1.4rem;columns:2;column-gap:2.5rem}
nav h2{font-size:.94rem;color:var(--muted);font-weight:600}
a{color:var(--accent)}
section{border-top:1px solid var(--rule);margin-top:2rem;padding-top:1.4rem}
.head{display:flex;flex-wrap:wrap;gap:.3rem .9rem;align-items:baseline}
.verdict{background:var(--answer);color:var(--accent);border-radius:1rem;padding:.1rem .8rem;font-weight:600;
font-size:.94rem;margin:0}
.figures{display:grid;grid-template-columns:minmax(0,1fr);gap:1.2rem;margin:1.2rem 0}
figure{margin:0;min-width:0;break-inside:avoid}
figure svg,
figure img{display:block;max-width:100%;height:auto;border:1px solid var(--rule);border-radius:.5rem}
figure svg.narrow{display:none}
figcaption{color:var(--muted);font-size:.94rem;margin:.5rem 0 0;max-width:46rem;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:1.2rem 0}
table{border-collapse:collapse;font-size:.94rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);padding-bottom:.4rem}
th,td{padding:.35rem .9rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{padding-left:.2rem}
thead th{border-bottom:2px solid var(--rule);white-space:nowrap}
tbody th{font-weight:500}
.number{text-align:right;white-space:nowrap}
pre{background:var(--tint);border-radius:.5rem;padding:.9rem 1.1rem;overflow-x:auto;margin:.4rem 0 1.2rem;
font:.86rem/1.5 ui-monospace,"SFMono-Regular","DejaVu Sans Mono",Menlo,Consolas,monospace}
.code{color:var(--muted);font-size:.94rem;margin:1.2rem 0 0}
footer{color:var(--muted);font-size:.88rem;padding-top:1.5rem;padding-bottom:2.5rem}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media (min-width:68rem){.beside{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media screen and (max-width:40rem){
header,main,footer{padding-left:1rem;padding-right:1rem}
header{padding-top:1.5rem}
h1{font-size:1.6rem}
nav ol{columns:1}
.facts{grid-template-columns:1fr}.facts dd{margin-bottom:.4rem}
figure svg.wide{display:none}figure svg.narrow{display:block;width:100%}
}
@media print{
@page{margin:14mm}
body{font-size:10.5pt}
header,main,footer{max-width:none;padding-left:0;padding-right:0}
header{padding-top:0}
nav{display:none}
section{margin-top:1.2rem;padding-top:.9rem}
.head{break-after:avoid}
.beside{grid-template-columns:repeat(2,minmax(0,1fr));gap:.8rem}
.beside svg.wide{display:none}.beside svg.narrow{display:block;width:100%}
.summary,.verdict,pre{border:1px solid var(--rule)}
tr,pre{break-inside:avoid}
.scroll,pre{overflow:visible}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
}
)";

constexpr std::string_view kDarkColors =
    ":root{--page:#16181c;--text:#e6e9ed;--muted:#a4adb7;--rule:#353b43;--tint:#1f2329;--answer:#1b2a38;"
    "--accent:#8cc8f4}";

}  // namespace

std::string report_style() {
  std::string style(kLayout);
  style += "@media ";
  style += kDark;
  style += '{';
  style += kDarkColors;
  style += "}\n";
  return style + svg_style(kReportFigureClass, kDark);
}

}  // namespace isotach::view
