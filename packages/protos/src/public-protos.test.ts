// The same messages through the public .proto files that @grpc/grpc-js-xds carries. They are older: they know neither
// streamed_response nor FULL_DUPLEX_STREAMED nor protocol_config, whose bytes ext-proc.test.ts checks by hand.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import {
  processingRequest,
  processingResponse,
  type ProcessingRequestInit,
  type ProcessingResponseInit,
} from './index.ts';

const { resolve } = createRequire(import.meta.url);
const xds = dirname(resolve('@grpc/grpc-js-xds/package.json'));
const folders = ['envoy-api', 'xds', 'protoc-gen-validate', 'googleapis'].map((name) =>
  join(xds, 'deps', name),
);
// google/protobuf/descriptor.proto comes with protobufjs.
folders.push(dirname(resolve('protobufjs/package.json')));
const root = new protobuf.Root();
root.resolvePath = (_origin, target) =>
  folders.map((folder) => join(folder, target)).find((path) => existsSync(path)) ?? target;
root.loadSync('envoy/service/ext_proc/v3/external_processor.proto');

const publicRequest = root.lookupType('envoy.service.ext_proc.v3.ProcessingRequest');
const publicResponse = root.lookupType('envoy.service.ext_proc.v3.ProcessingResponse');

const headers = [
  { key: ':path', rawValue: Buffer.from('/v1/completions') },
  { key: 'x-old', value: 'text' },
];
const struct = { fields: { 'a.b': { structValue: { fields: { n: { numberValue: 1.5 } } } } } };
const requests: Readonly<Record<string, ProcessingRequestInit>> = {
  requestHeaders: {
    requestHeaders: { headers: { headers }, endOfStream: true },
    metadataContext: { filterMetadata: { 'envoy.lb': struct } },
    attributes: { 'envoy.filters.http.ext_proc': struct },
    observabilityMode: true,
  },
  responseHeaders: { responseHeaders: { headers: { headers } } },
  requestBody: { requestBody: { body: Buffer.from('{}'), endOfStream: true } },
  responseBody: { responseBody: { body: Buffer.alloc(20_000, 1) } },
  requestTrailers: { requestTrailers: { trailers: { headers } } },
  responseTrailers: { responseTrailers: { trailers: {} } },
};

const headerMutation = {
  setHeaders: [
    { header: headers[0], append: { value: false } },
    { header: headers[1], appendAction: 2 as const, keepEmptyValue: true },
  ],
  removeHeaders: ['content-length'],
};
const common = {
  status: 1 as const,
  headerMutation,
  bodyMutation: { body: Buffer.from('new') },
  trailers: { headers },
  clearRouteCache: true,
};
const responses: Readonly<Record<string, ProcessingResponseInit>> = {
  requestHeaders: {
    requestHeaders: { response: common },
    dynamicMetadata: struct,
    modeOverride: {
      requestHeaderMode: 1,
      responseHeaderMode: 2,
      requestBodyMode: 1,
      responseBodyMode: 3,
    },
    overrideMessageTimeout: { seconds: 3, nanos: 5 },
  },
  responseHeaders: { responseHeaders: { response: {} } },
  requestBody: { requestBody: { response: { bodyMutation: { clearBody: true } } } },
  responseBody: { responseBody: { response: common } },
  requestTrailers: { requestTrailers: { headerMutation } },
  responseTrailers: { responseTrailers: {} },
  immediateResponse: {
    immediateResponse: {
      status: { code: 429 },
      headers: headerMutation,
      body: Buffer.from('slow down'),
      grpcStatus: { status: 8 },
      details: 'shed',
    },
  },
};

describe('the public schema', () => {
  test.each(Object.entries(requests))('reads our %s request, and we read its', (name, request) => {
    const ours = processingRequest.encode(request);
    const theirs = Buffer.from(publicRequest.encode(publicRequest.fromObject(request)).finish());
    expect(ours.equals(theirs)).toBe(true);
    expect(publicRequest.decode(ours)).toHaveProperty('request', name);
    expect(processingRequest.encode(processingRequest.decode(theirs)).equals(ours)).toBe(true);
  });

  test.each(Object.entries(responses))(
    'reads our %s response, and we read its',
    (name, response) => {
      const ours = processingResponse.encode(response);
      const theirs = Buffer.from(
        publicResponse.encode(publicResponse.fromObject(response)).finish(),
      );
      expect(ours.equals(theirs)).toBe(true);
      expect(publicResponse.decode(ours)).toHaveProperty('response', name);
      expect(processingResponse.encode(processingResponse.decode(theirs)).equals(ours)).toBe(true);
    },
  );
});
