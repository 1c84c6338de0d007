import { readTracingEnvironment } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { startOtlpReceiver } from '@llm-d/telemetry/testing/otlp';
import { startModelServer } from '@llm-d/test-kit';
import { expect, test } from 'vitest';
import { startGateway } from './app.ts';
import { ask, optionsOf, startTestGateway } from './gateway.testing.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('a traced request shows up at the collector, and the model server continues its trace', async () => {
  await using receiver = await startOtlpReceiver();
  await using server = await startModelServer();
  const { settings } = readTracingEnvironment(
    { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint },
    { serviceName: 'llm-d-gateway' },
  );
  const options = await optionsOf('--port', '0', '--drain-timeout', '0', '--endpoint', server.url);
  const gateway = await startGateway(options, recordingLogger(), { tracing: settings });
  const response = await ask(gateway, { headers: { traceparent: PARENT } });
  await response.text();
  await gateway.close();
  const root = await receiver.received('gateway.request');
  expect(root).toMatchObject({
    parentSpanId: 'b7ad6b7169203331',
    attributes: { 'http.response.status_code': 200 },
    resource: { 'service.name': 'llm-d-gateway' },
  });
  const [asked] = server.requests;
  expect(asked?.headers.traceparent).toBe(`00-${root.traceId}-${root.spanId}-01`);
});

test('metrics have their former names unless they should not', async () => {
  const expositionOf = async (...args: readonly string[]): Promise<string> => {
    await using gateway = await startTestGateway([], ...args);
    return await (await fetch(`${gateway.url}/metrics`)).text();
  };
  expect(await expositionOf()).toContain('# TYPE inference_pool_ready_pods gauge\n');
  expect(await expositionOf('--no-legacy-metrics')).not.toMatch(/^(# TYPE )?inference_/m);
});
