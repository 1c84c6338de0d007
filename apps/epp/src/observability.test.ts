import { readTracingEnvironment } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { startOtlpReceiver } from '@llm-d/telemetry/testing/otlp';
import { createTempDir, startModelServer } from '@llm-d/test-kit';
import { expect, test } from 'vitest';
import { startEpp } from './app.ts';
import { connectProxy, optionsOf, startTestEpp, writeConfig } from './epp.testing.ts';
import { chatBody, requestBody, requestHead } from './ext-proc/session.testing.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

test('a traced request shows up at the collector, and the model server continues its trace', async () => {
  await using receiver = await startOtlpReceiver();
  await using server = await startModelServer();
  await using folder = await createTempDir();
  const options = optionsOf(
    ...['--grpc-port=0', '--grpc-health-port=0', '--metrics-port=0', '--secure-serving=false'],
    ...['--bind-address=127.0.0.1', '--drain-timeout=0'],
    `--config-file=${await writeConfig(folder, [server.port])}`,
  );
  const { settings } = readTracingEnvironment(
    { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
    { serviceName: 'llm-d-epp' },
  );
  const epp = await startEpp({ ...options, tracing: settings }, recordingLogger(), {
    version: 'v9',
    commit: 'c',
  });
  using proxy = connectProxy(epp.grpcPort);
  const stream = proxy.open();
  stream.say(requestHead({ traceparent: PARENT, 'x-request-id': 'r1' }), requestBody(chatBody()));
  const { requestHeaders } = await stream.next();
  const set = requestHeaders?.response?.headerMutation?.setHeaders ?? [];
  const continued = set.find(({ header }) => header?.key === 'traceparent')?.header?.rawValue;
  stream.reset();
  await stream.ended;
  // What has not been sent by then goes at the end.
  await epp.close();
  const root = await receiver.received('gateway.request');
  expect(root).toMatchObject({
    traceId: TRACE_ID,
    parentSpanId: 'b7ad6b7169203331',
    attributes: { 'gen_ai.request.id': 'r1' },
    resource: { 'service.name': 'llm-d-epp', 'service.version': 'v9' },
  });
  expect(String(continued)).toBe(`00-${TRACE_ID}-${root.spanId}-01`);
  expect(receiver.spans.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['gateway.request_orchestration', 'llm_d.epp.scorer.queue-scorer']),
  );
});

test('metrics have their former names unless they should not, and tell which build this is', async () => {
  const expositionOf = async (...args: readonly string[]): Promise<string> => {
    await using epp = await startTestEpp([], '--secure-serving=false', ...args);
    return await (await fetch(`http://127.0.0.1:${epp.adminPort}/metrics`)).text();
  };
  const both = await expositionOf();
  expect(both).toContain('llm_d_epp_info{build_ref="unknown",commit="unknown"} 1\n');
  expect(both).toContain('# TYPE inference_pool_ready_pods gauge\n');
  expect(both).toContain('# TYPE inference_objective_request_total counter\n');
  expect(await expositionOf('--legacy-metrics=false')).not.toMatch(/^(# TYPE )?inference_/m);
});
