import { describe, expect, test, vi } from 'vitest';
import { startOtlpReceiver } from './otlp-receiver.ts';
import { startTracing } from './otlp.ts';
import { recordingLogger } from './testing.ts';
import { readTracingEnvironment, type TracingSettings } from './tracing-environment.ts';

const timers = {
  schedule: (delayMs: number, callback: () => void) => {
    const handle = setTimeout(callback, delayMs);
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    };
  },
};
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const UNSAMPLED_PARENT = PARENT.replace(/01$/, '00');

/** Rests after failures are over at once. */
const restless = {
  schedule: (delayMs: number, callback: () => void) =>
    timers.schedule(delayMs === 5000 ? 0 : delayMs, callback),
};

const start = async (settings: Partial<TracingSettings>, closeTimeoutMs = 4000) => {
  const logger = recordingLogger();
  const defaults = readTracingEnvironment({}, { serviceName: 'llm-d-epp' }).settings;
  const tracing = await startTracing({
    settings: { ...defaults, samplingRatio: 1, ...settings },
    logger,
    timers: restless,
    serviceVersion: 'v1',
    exportDelayMs: 5,
    closeTimeoutMs,
  });
  return { tracing, tracer: tracing.tracer, logger };
};

describe('traces over OTLP', () => {
  test('arrive with what was said of them, and continue the caller’s', async () => {
    await using receiver = await startOtlpReceiver();
    const { tracer, tracing } = await start({
      endpoint: receiver.endpoint,
      resourceAttributes: { team: 'a' },
    });
    const root = tracer.start(
      'gateway.request',
      { traceparent: PARENT, tracestate: 'vendor=1' },
      { startEpochMs: 1_000_000 },
    );
    const child = root.child('llm_d.epp.scoring', {
      attributes: { model: 'm', candidates: 3, weight: 0.5, hit: true, top: ['a', 'b'] },
    });
    child.event('decided', { margin: 0.25, scores: [1, 0.5] });
    child.end();
    root.fail(new Error('refused'));
    root.end(1_000_250);
    await tracing.close();
    const [scoring, request] = receiver.spans;
    expect(request).toMatchObject({
      name: 'gateway.request',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: 'b7ad6b7169203331',
      kind: 2,
      startMs: 1_000_000,
      endMs: 1_000_250,
      status: { code: 2, message: 'refused' },
      resource: { 'service.name': 'llm-d-epp', 'service.version': 'v1', team: 'a' },
    });
    expect(scoring).toMatchObject({
      name: 'llm_d.epp.scoring',
      kind: 1,
      parentSpanId: request?.spanId,
      attributes: { model: 'm', candidates: 3, weight: 0.5, hit: true, top: ['a', 'b'] },
      events: [{ name: 'decided', attributes: { margin: 0.25, scores: [1, 0.5] } }],
    });
  });

  test('a span is sent soon after its end, without anybody asking', async () => {
    await using receiver = await startOtlpReceiver();
    const { tracer, tracing } = await start({ endpoint: receiver.endpoint });
    tracer.start('early', {}).end();
    expect((await receiver.received('early')).name).toBe('early');
    await tracing.close();
  });

  test('ending twice does nothing', async () => {
    await using receiver = await startOtlpReceiver();
    const { tracer, tracing } = await start({ endpoint: receiver.endpoint });
    const span = tracer.start('once', {}, { startEpochMs: 1000 });
    span.end(2000);
    span.end(3000);
    await tracing.close();
    expect(receiver.spans.map(({ endMs }) => endMs)).toEqual([2000]);
  });
});

describe('the context that goes on', () => {
  test.each([
    ['a sampled parent', PARENT, 0, '01'],
    ['an unsampled parent', UNSAMPLED_PARENT, 1, '00'],
  ])('follows %s, whatever the ratio', async (_, traceparent, samplingRatio, flags) => {
    const { tracer } = await start({ exporter: 'none', samplingRatio });
    const span = tracer.start('s', { traceparent, tracestate: 'vendor=1', baggage: 'k=v' });
    expect(span.isRecording).toBe(flags === '01');
    const { traceparent: continued, ...rest } = span.context();
    expect(continued).toMatch(
      new RegExp(`^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-${flags}$`),
    );
    expect(continued).not.toContain('b7ad6b7169203331');
    expect(rest).toEqual({ tracestate: 'vendor=1', baggage: 'k=v' });
  });

  test.each([
    [0, '00'],
    [1, '01'],
  ])('of a first span is decided by the ratio %d', async (samplingRatio, flags) => {
    const { tracer } = await start({ exporter: 'none', samplingRatio });
    const { traceparent } = tracer.start('s', { traceparent: 'nonsense' }).context();
    expect(traceparent).toMatch(new RegExp(`^00-[0-9a-f]{32}-[0-9a-f]{16}-${flags}$`));
  });

  test('of an unsampled span is its children’s, too', async () => {
    const { tracer } = await start({ exporter: 'none', samplingRatio: 0 });
    const span = tracer.start('s', {});
    expect(span.child('inner').context()).toEqual(span.context());
  });
});

describe('a collector that fails', () => {
  test('is warned of once, and nobody else notices', async () => {
    await using receiver = await startOtlpReceiver();
    const { endpoint } = receiver;
    await receiver[Symbol.asyncDispose]();
    const { tracer, tracing, logger } = await start({ endpoint });
    tracer.start('lost', {}).end();
    await vi.waitFor(() => {
      expect(logger.lines).toHaveLength(1);
    });
    tracer.start('lost, too', {}).end();
    await tracing.close();
    expect(logger.lines).toMatchObject([
      {
        level: 'warn',
        message: 'traces cannot be delivered and are dropped',
        fields: { endpoint },
      },
    ]);
  });

  test('is heard of again when it is back', async () => {
    await using first = await startOtlpReceiver();
    const { endpoint } = first;
    await first[Symbol.asyncDispose]();
    const { tracer, tracing, logger } = await start({ endpoint });
    tracer.start('lost', {}).end();
    await vi.waitFor(() => {
      expect(logger.lines).toHaveLength(1);
    });
    await using again = await startOtlpReceiver({ port: Number(new URL(endpoint).port) });
    await vi.waitFor(
      () => {
        tracer.start('found', {}).end();
        expect(again.spans).not.toHaveLength(0);
      },
      { timeout: 10_000, interval: 100 },
    );
    await tracing.close();
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  test('does not hold the end up for longer than is allowed', async () => {
    await using receiver = await startOtlpReceiver({ isDeaf: true });
    const { tracer, tracing, logger } = await start({ endpoint: receiver.endpoint }, 20);
    tracer.start('unheard', {}).end();
    await tracing.close();
    expect(logger.lines).toHaveLength(1);
  });
});

test('the console exporter writes spans for people', async () => {
  const written = vi.spyOn(console, 'dir').mockImplementation(() => undefined);
  const { tracer, tracing } = await start({ exporter: 'console' });
  tracer.start('shown', {}).end();
  await tracing.close();
  expect(written.mock.calls[0]?.[0]).toMatchObject({ name: 'shown' });
  written.mockRestore();
});
