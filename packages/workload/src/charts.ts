// SPDX-License-Identifier: Apache-2.0
import type { TopLevelSpec } from 'vega-lite';
import { armColors } from './arm-colors.ts';
import type { BenchmarkReport } from './report-schema.ts';

/** A plot of a report. */
export interface Chart {
  readonly title: string;
  /** What one has to know to read it. */
  readonly caption: string;
  /** A complete SVG element; text and shapes only. */
  readonly svg: string;
}

interface ChartSpec extends Omit<Chart, 'svg'> {
  readonly spec: TopLevelSpec;
}

const WIDTH = 440;
const HEIGHT = 240;
/** A logarithmic axis has no zero. */
const SHORTEST_SHOWN_S = 0.0001;
const LOG_TICKS = [-4, -3, -2, -1, 0, 1, 2, 3].flatMap((exponent) =>
  [1, 3].map((digit) => digit * 10 ** exponent),
);
/** Vega expression for a duration in seconds as 250 ms or 2.5 s. */
const DURATION_LABEL =
  "datum.value < 1 ? format(datum.value * 1000, '~r') + ' ms' : format(datum.value, '~r') + ' s'";

/** Draws the plots for which the report has figures, as SVG and without a browser. */
export async function drawCharts(report: BenchmarkReport): Promise<readonly Chart[]> {
  const specs = [ttftCdf, ttftOverTime, hitRates, requestsByEndpoint].flatMap(
    (chart) => chart(report) ?? [],
  );
  return Promise.all(
    specs.map(async ({ title, caption, spec }, i) => ({
      title,
      caption,
      svg: uniqueIds(await renderSvg(spec), `chart${i}-`),
    })),
  );
}

/** Vega is loaded when the first page is made: it is large, and most programs that measure never draw. */
async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Ids of clip paths and gradients are counted anew in each drawing, but must be unique in the page. */
const uniqueIds = (svg: string, prefix: string): string =>
  svg.replace(/(\bid="|url\(#)/g, `$1${prefix}`);

function ttftCdf(report: BenchmarkReport): ChartSpec | undefined {
  const values = report.arms.flatMap(({ name, series }) =>
    series.ttft_cdf.map(([seconds, share]) => ({
      arm: name,
      seconds: Math.max(SHORTEST_SHOWN_S, seconds),
      share,
    })),
  );
  if (values.length === 0) return undefined;
  return {
    title: 'Time to first token',
    caption: 'Share of requests whose first token came within a time; further left is better.',
    spec: {
      ...base,
      data: { values },
      mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2 },
      encoding: {
        x: {
          field: 'seconds',
          type: 'quantitative',
          scale: { type: 'log' },
          axis: { title: 'time to first token', labelExpr: DURATION_LABEL, values: [...LOG_TICKS] },
        },
        y: {
          field: 'share',
          type: 'quantitative',
          scale: { domainMin: 0, domainMax: 1 },
          axis: { title: 'requests', format: '.0%', tickCount: 5 },
        },
        color: color(report),
      },
    },
  };
}

function ttftOverTime(report: BenchmarkReport): ChartSpec | undefined {
  const values = report.arms.flatMap(({ name, series }) =>
    series.ttft_over_time.map(({ at_s, mean }) => ({ arm: name, at_s, seconds: mean })),
  );
  if (values.length === 0) return undefined;
  return {
    title: 'Time to first token over the run',
    caption: 'Mean of the requests intended in each span of the run; lower is better.',
    spec: {
      ...base,
      data: { values },
      mark: { type: 'line', strokeWidth: 2, interpolate: 'monotone' },
      encoding: {
        x: {
          field: 'at_s',
          type: 'quantitative',
          axis: { title: 'intended instant, seconds into the run', tickCount: 6 },
        },
        y: {
          field: 'seconds',
          type: 'quantitative',
          axis: { title: 'mean time to first token', labelExpr: DURATION_LABEL, tickCount: 5 },
        },
        color: color(report),
      },
    },
  };
}

function hitRates(report: BenchmarkReport): ChartSpec | undefined {
  const values = report.arms.flatMap(({ name, prefix_cache }) =>
    prefix_cache ? [{ arm: name, rate: prefix_cache.hit_rate }] : [],
  );
  if (values.length === 0) return undefined;
  const x = {
    field: 'rate',
    type: 'quantitative',
    scale: { domainMin: 0, domainMax: 1 },
    axis: { title: 'prompt tokens from a cache', format: '.0%', tickCount: 5 },
  } as const;
  const y = { field: 'arm', type: 'nominal', sort: null, axis: { title: null } } as const;
  return {
    title: 'Prefix cache hit rate',
    caption: 'Prompt tokens that did not have to be computed again; more is better.',
    spec: {
      ...base,
      height: { step: 34 },
      data: { values },
      layer: [
        {
          mark: { type: 'bar', height: 20, cornerRadiusEnd: 2 },
          encoding: { x, y, color: { ...color(report), legend: null } },
        },
        {
          mark: { type: 'text', align: 'left', dx: 5, color: '#333' },
          encoding: { x, y, text: { field: 'rate', format: '.1%' } },
        },
      ],
    },
  };
}

function requestsByEndpoint(report: BenchmarkReport): ChartSpec | undefined {
  const values = report.arms.flatMap(({ name, endpoints }) =>
    (endpoints?.shares ?? []).map(({ requests }, i) => ({ arm: name, server: i + 1, requests })),
  );
  if (values.length === 0) return undefined;
  return {
    title: 'Requests by model server',
    caption:
      'Good answers of each server, in the order of their names; even bars are not a goal in themselves.',
    spec: {
      ...base,
      data: { values },
      mark: { type: 'bar', cornerRadiusEnd: 1 },
      encoding: {
        x: { field: 'server', type: 'ordinal', axis: { title: 'model server', labelAngle: 0 } },
        xOffset: { field: 'arm', sort: null },
        y: {
          field: 'requests',
          type: 'quantitative',
          axis: { title: 'requests', tickCount: 5 },
        },
        color: color(report),
      },
    },
  };
}

const base = {
  width: WIDTH,
  height: HEIGHT,
  background: 'white',
  config: {
    font: 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif',
    view: { stroke: null },
    axis: {
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: 'normal',
      labelColor: '#333',
      titleColor: '#333',
      gridColor: '#e6e6e6',
      domainColor: '#999',
      tickColor: '#999',
    },
    legend: { labelFontSize: 12, labelColor: '#333' },
  },
} as const;

const color = (report: BenchmarkReport) => {
  const names = report.arms.map(({ name }) => name);
  return {
    field: 'arm',
    type: 'nominal',
    scale: { domain: names, range: [...armColors(names)] },
    legend: names.length > 1 ? { title: null, orient: 'top', symbolStrokeWidth: 3 } : null,
  } as const;
};
