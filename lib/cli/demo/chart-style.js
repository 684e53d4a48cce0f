'use strict';

/** Colours and type of the picture. */

/** Each at least 3:1 against its ground, and told apart without red or green. */
const LIGHT = ['#0969da', '#c2410c', '#15803d', '#7c3aed', '#a16207', '#db2777'];
const DARK = ['#58a6ff', '#f0883e', '#3fb950', '#bc8cff', '#d4a72c', '#f778ba'];

/** Number of classes `s0`, `s1`… that colour a line. */
const COLORS = LIGHT.length;

/** The ground is part of the picture, so that it is legible wherever it is shown. */
const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .strong { font-weight: 600 }
  .soft { fill: #59636e }
  .ground { fill: #ffffff; stroke: #d1d9e0 }
  .grid { stroke: #e3e8ed }
  .axis { stroke: #59636e }
  .mark { stroke: #59636e; stroke-dasharray: 2 3 }
  .levelling { fill: #818b98; fill-opacity: 0.13 }
  .fair { fill: #1a7f37; fill-opacity: 0.16 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
  .leader { fill: none; stroke-opacity: 0.7 }
  ${strokes(LIGHT)}
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .soft { fill: #9198a1 }
    .ground { fill: #0d1117; stroke: #3d444d }
    .grid { stroke: #262c36 }
    .axis, .mark { stroke: #9198a1 }
    .fair { fill: #3fb950; fill-opacity: 0.2 }
    ${strokes(DARK)}
  }
`;

function strokes(colors) {
  return colors.map((color, i) => `.s${i} { stroke: ${color} }`).join(' ');
}

module.exports = { COLORS, STYLE };
