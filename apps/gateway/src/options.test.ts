import { describe, expect, test } from 'vitest';
import { endpointOfUrl } from './options.ts';
import { optionsOf } from './gateway.testing.ts';

describe('the command line', () => {
  test('without flags means the defaults', async () => {
    expect(await optionsOf()).toMatchObject({
      ...{ host: '127.0.0.1', port: 8080, endpoints: [], endpointsFile: undefined },
      ...{ configFile: undefined, configText: undefined, scrapeIntervalMs: 50 },
      reloadsConfig: true,
      ...{ maxBodyBytes: 32 * 2 ** 20, maxHeaderBytes: 32 * 1024, maxAttempts: 3 },
      ...{ drainTimeoutMs: 30_000, logLevel: 'info' },
    });
  });

  test('collects endpoints', async () => {
    const { endpoints } = await optionsOf('--endpoint', 'http://a:1', '--endpoint', 'http://b:2');
    expect(endpoints.map(({ hostPort }) => hostPort)).toEqual(['a:1', 'b:2']);
  });

  test.each([
    [['--port', '65536'], /'--port <number>'.*from 0 to 65535/],
    [['--port', ''], /'--port <number>'.*whole number/],
    [['--port', '1e3'], /'--port <number>'.*whole number/],
    [['--port', '-1'], /'--port <number>'/],
    [['--max-attempts', '0'], /'--max-attempts <n>'.*from 1/],
    [['--refresh-metrics-interval', '0.5'], /'--refresh-metrics-interval <ms>'.*from 10/],
    [['--log-level', 'loud'], /'--log-level <level>'.*debug, info/],
    [['--config', 'a', '--config-text', 'b'], /cannot be used with/],
    [['--endpoint', 'http://a:1', '--endpoints-file', 'b'], /cannot be used with/],
    [['--endpoint', 'a:1'], /'--endpoint <url>'.*does not begin with http/],
    [['--nonsense'], /unknown option '--nonsense'/],
    [['extra'], /too many arguments/],
  ])('%j is refused by name', async (args, message) => {
    await expect(optionsOf(...args)).rejects.toThrow(message);
  });
});

describe('an endpoint given by URL', () => {
  test.each([
    ['http://10.0.0.7:8000', '10.0.0.7', 8000, '10.0.0.7:8000'],
    ['http://10.0.0.7:8000/', '10.0.0.7', 8000, '10.0.0.7:8000'],
    ['http://example.com', 'example.com', 80, 'example.com:80'],
    ['http://[fd00::1]:8000', 'fd00::1', 8000, '[fd00::1]:8000'],
  ])('%s', (url, address, port, hostPort) => {
    expect(endpointOfUrl(url)).toMatchObject({
      ...{ address, port, hostPort, name: hostPort, rank: 0, labels: {} },
      id: `default/${hostPort}-rank-0`,
    });
  });

  test.each([
    ['', 'is not a URL'],
    ['example.com', 'is not a URL'],
    ['https://example.com', 'does not begin with http://'],
    ['http://example.com/v1', 'more than a host and a port'],
    ['http://example.com?x', 'more than a host and a port'],
    ['http://me@example.com', 'more than a host and a port'],
    ['http://me:secret@example.com', 'more than a host and a port'],
    ['http://example.com#x', 'more than a host and a port'],
  ])('%j is refused', (url, message) => {
    expect(() => endpointOfUrl(url)).toThrow(message);
  });
});
