import { describe, expect, test } from 'vitest';
import {
  EndpointsFileError,
  MAX_ENDPOINTS_FILE_BYTES,
  parseEndpointsFile,
} from './endpoints-file.ts';

describe('an endpoints file', () => {
  test('lists endpoints with defaults filled in', () => {
    const text = `
endpoints:
- {name: a, address: 10.0.0.1, port: "8000", labels: {llm-d.ai/role: decode}}
- {name: b, namespace: prod, address: "fd00::1", port: 8001}
`;
    expect(parseEndpointsFile(text, 'f').endpoints).toEqual([
      {
        id: 'default/a-rank-0',
        namespace: 'default',
        name: 'a',
        rank: 0,
        address: '10.0.0.1',
        port: 8000,
        hostPort: '10.0.0.1:8000',
        labels: { 'llm-d.ai/role': 'decode' },
      },
      {
        id: 'prod/b-rank-0',
        namespace: 'prod',
        name: 'b',
        rank: 0,
        address: 'fd00::1',
        port: 8001,
        hostPort: '[fd00::1]:8001',
        labels: {},
      },
    ]);
  });

  test('may be JSON, and may be empty', () => {
    expect(parseEndpointsFile('{"endpoints": []}', 'f')).toEqual({ endpoints: [], problems: [] });
  });

  test('leaves out and reports entries that make no sense', () => {
    const text = `
endpoints:
- {name: a, address: 10.0.0.1, port: "8000"}
- {name: a, address: 10.0.0.2, port: "8000"}
- {name: c, address: example.com, port: "8000"}
- {name: d, address: 10.0.0.4, port: "eighty"}
- {name: e, address: 10.0.0.5, port: "70000"}
- {name: f, address: 10.0.0.6, port: "80", weight: 3}
- 17
`;
    const { endpoints, problems } = parseEndpointsFile(text, 'f');
    expect(endpoints.map(({ name }) => name)).toEqual(['a']);
    expect(problems).toEqual([
      'endpoints[1].name: default/a is there already',
      'endpoints[2].address: expected an IP address',
      'endpoints[3].port: expected a port number',
      expect.stringMatching(/^endpoints\[4\]\.port: .*65535/),
      expect.stringMatching(/^endpoints\[5\]: .*weight/),
      expect.stringMatching(/^endpoints\[6\]: /),
    ]);
  });

  test.each([
    ['no YAML', 'endpoints: [', /^fleet\.yaml: .+/],
    ['no list', 'endpoints: 3', /expected a list under "endpoints"/],
    ['nothing', '', /expected a list/],
    ['too large', ' '.repeat(MAX_ENDPOINTS_FILE_BYTES + 1), /larger than 1048576 bytes/],
  ])('of %s is refused with its path', (_, text, message) => {
    expect(() => parseEndpointsFile(text, 'fleet.yaml')).toThrow(EndpointsFileError);
    expect(() => parseEndpointsFile(text, 'fleet.yaml')).toThrow(message);
  });
});
