import { expect, test } from 'vitest';
import {
  healthCheckRequest,
  healthCheckResponse,
  healthListRequest,
  healthListResponse,
  ServingStatus,
} from './index.ts';

test('health messages have the bytes of the public protocol', () => {
  expect(healthCheckRequest.encode({ service: 'a' })).toEqual(Buffer.from('0a0161', 'hex'));
  expect(healthCheckRequest.decode(Buffer.alloc(0)).service).toBe('');
  const response = Buffer.from('0801', 'hex');
  expect(healthCheckResponse.encode({ status: ServingStatus.SERVING })).toEqual(response);
  expect(healthCheckResponse.decode(response).status).toBe(1);
  expect(healthListRequest.encode({})).toHaveLength(0);
  const statuses = { a: { status: ServingStatus.NOT_SERVING } };
  expect(healthListResponse.encode({ statuses })).toEqual(Buffer.from('0a070a016112020802', 'hex'));
});
