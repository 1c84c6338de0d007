import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { readRow, writeRun, writeSingle } from './row-codec.ts';

const life = fc.integer({ min: 1, max: 2 ** 30 - 1 });
const runs = fc.array(
  fc.record({ plane: fc.nat(255), lives: fc.array(life, { minLength: 1, maxLength: 300 }) }),
);

function read(row: Uint8Array): [plane: number, life: number][] | undefined {
  const owners: [number, number][] = [];
  return readRow(row, (plane, owner) => owners.push([plane, owner])) ? owners : undefined;
}

test('a row is read as it was written', () => {
  fc.assert(
    fc.property(runs, (list) => {
      const writer = new ByteWriter(1);
      for (const { plane, lives } of list) writeRun(writer, plane, lives);
      expect(read(writer.bytes.subarray(0, writer.length))).toEqual(
        list.flatMap(({ plane, lives }) => lives.map((one) => [plane, one])),
      );
    }),
  );
});

test('rows are short', () => {
  const writer = new ByteWriter();
  writeSingle(writer, 0, 100);
  expect(writer.bytes.subarray(0, writer.length).toString('hex')).toBe('000164');
  const many = new ByteWriter();
  writeRun(
    many,
    1,
    Array.from({ length: 64 }, (_, i) => 1000 + i),
  );
  expect(many.length).toBe(2 + 2 + 63);
});

test('bytes that are no row are refused, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (row) => {
      for (const [plane, owner] of read(row) ?? []) {
        expect(plane).toBeLessThan(256);
        expect(Number.isInteger(owner)).toBe(true);
      }
    }),
  );
  expect(read(Uint8Array.of(0))).toBeUndefined();
  expect(read(Uint8Array.of(0, 2, 5))).toBeUndefined();
  expect(read(Uint8Array.of(0, 1, 0x80))).toBeUndefined();
  expect(read(Uint8Array.of(0, 0xff, 0xff, 0xff, 0x7f, 1))).toBeUndefined();
  expect(read(new Uint8Array())).toEqual([]);
});
