// SPDX-License-Identifier: Apache-2.0

/** Where traces go and which ones: what OpenTelemetry's environment variables say. */
export interface TracingSettings {
  readonly serviceName: string;
  readonly exporter: 'otlp' | 'console' | 'none';
  /** OTLP over gRPC: `http://host:port` in the clear, `https://…` with TLS. */
  readonly endpoint: string;
  /** Sent along with every export. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest time one export may take, in milliseconds. */
  readonly exportTimeoutMs: number;
  /** Share, from 0 to 1, of the requests without a sampled parent that are traced. */
  readonly samplingRatio: number;
  /** Facts about this process, beside its name. */
  readonly resourceAttributes: Readonly<Record<string, string>>;
}

/** Settings, and what of the environment was not understood and is not heeded. */
export interface TracingEnvironment {
  readonly settings: TracingSettings;
  readonly warnings: readonly string[];
}

const SAMPLER = 'parentbased_traceidratio';
const DEFAULT_RATIO = 0.1;
const EXPORTERS = ['otlp', 'console', 'none'] as const;

/**
 * Reads `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_EXPORTER` (otlp, console, none),
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS` and `_TIMEOUT` (each also as `…_TRACES_…`), `OTEL_TRACES_SAMPLER` (only
 * `parentbased_traceidratio`) and `OTEL_TRACES_SAMPLER_ARG`. Defaults are llm-d's: a tenth of the requests, in the clear
 * to localhost:4317. What makes no sense is said and left at its default: traces must not keep anybody from serving.
 */
export function readTracingEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  defaults: { readonly serviceName: string },
): TracingEnvironment {
  const warnings: string[] = [];
  const given = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === '' ? undefined : value;
  };
  const ofOtlp = (suffix: string): string | undefined =>
    given(`OTEL_EXPORTER_OTLP_TRACES_${suffix}`) ?? given(`OTEL_EXPORTER_OTLP_${suffix}`);
  const { 'service.name': resourceName, ...resourceAttributes } = pairsOf(
    given('OTEL_RESOURCE_ATTRIBUTES'),
  );
  const settings: TracingSettings = {
    serviceName: given('OTEL_SERVICE_NAME') ?? resourceName ?? defaults.serviceName,
    exporter: exporterOf(given('OTEL_TRACES_EXPORTER'), warnings),
    endpoint: endpointOf(ofOtlp('ENDPOINT'), warnings),
    headers: pairsOf(ofOtlp('HEADERS')),
    exportTimeoutMs: timeoutOf(ofOtlp('TIMEOUT'), warnings),
    samplingRatio: ratioOf(
      { sampler: given('OTEL_TRACES_SAMPLER'), argument: given('OTEL_TRACES_SAMPLER_ARG') },
      warnings,
    ),
    resourceAttributes,
  };
  return { settings, warnings };
}

function exporterOf(name = 'otlp', warnings: string[]): TracingSettings['exporter'] {
  const exporter = EXPORTERS.find((candidate) => candidate === name);
  if (exporter === undefined) {
    warnings.push(`OTEL_TRACES_EXPORTER: "${name}" is not supported, otlp is used`);
  }
  return exporter ?? 'otlp';
}

const DEFAULT_ENDPOINT = 'http://localhost:4317';

function endpointOf(text: string | undefined, warnings: string[]): string {
  if (text === undefined) return DEFAULT_ENDPOINT;
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) {
    return `${url.protocol}//${url.host}`;
  }
  warnings.push(
    `OTEL_EXPORTER_OTLP_ENDPOINT: "${text}" is no http or https address, ${DEFAULT_ENDPOINT} is used`,
  );
  return DEFAULT_ENDPOINT;
}

const DEFAULT_TIMEOUT_MS = 10_000;

function timeoutOf(text: string | undefined, warnings: string[]): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS;
  const milliseconds = Number(text);
  if (Number.isInteger(milliseconds) && milliseconds > 0) return milliseconds;
  warnings.push(
    `OTEL_EXPORTER_OTLP_TIMEOUT: "${text}" is no number of milliseconds, ${DEFAULT_TIMEOUT_MS} are used`,
  );
  return DEFAULT_TIMEOUT_MS;
}

function ratioOf(
  {
    sampler = SAMPLER,
    argument,
  }: { readonly sampler: string | undefined; readonly argument: string | undefined },
  warnings: string[],
): number {
  if (sampler !== SAMPLER) {
    warnings.push(
      `OTEL_TRACES_SAMPLER: "${sampler}" is not supported, ${SAMPLER} with ${DEFAULT_RATIO} is used`,
    );
    return DEFAULT_RATIO;
  }
  if (argument === undefined) return DEFAULT_RATIO;
  const ratio = Number(argument);
  if (ratio >= 0 && ratio <= 1) return ratio;
  warnings.push(
    `OTEL_TRACES_SAMPLER_ARG: "${argument}" is no share from 0 to 1, ${DEFAULT_RATIO} is used`,
  );
  return DEFAULT_RATIO;
}

/** `a=1,b=two%20words` as an object; what is no pair is left out. */
function pairsOf(text = ''): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    if (at > 0 && name !== '') pairs[name] = decoded(part.slice(at + 1).trim());
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
