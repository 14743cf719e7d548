import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { connectionRoom, openFilesMax } from './descriptors.ts';

const settings = (strangers: number, members: number, descriptorsReserved: number) => ({
  enrolment: { atOnceMax: strangers, perAddressMax: 1 },
  federation: { atOnceMax: members, perAddressMax: 1, silentMax: 1, perCallerMax: 1 },
  requestSecondsMax: 1,
  slowRequestsMax: 1,
  descriptorsReserved,
});

describe('connectionRoom', () => {
  it('always leaves the reserve, and never more than the configuration says', () => {
    const count = fc.integer({ min: 1, max: 30_000 });
    fc.assert(
      fc.property(count, count, fc.integer({ min: 64, max: 2_000 }), count, (strangers, members, reserved, files) => {
        const room = connectionRoom(settings(strangers, members, reserved), files);
        if (!room.ok) {
          expect(files - reserved).toBeLessThan(32);
          return;
        }
        const { enrolment, federation, isCut } = room.value;
        expect(files - enrolment - federation).toBeGreaterThanOrEqual(reserved);
        expect(Math.min(enrolment, federation)).toBeGreaterThanOrEqual(1);
        expect(enrolment <= strangers && federation <= members).toBe(true);
        expect(isCut).toBe(enrolment < strangers || federation < members);
      }),
    );
  });

  it('gives all that is asked for where it fits, and where no limit is known', () => {
    const wanted = { enrolment: 256, federation: 20_000, isCut: false };
    expect(unwrap(connectionRoom(settings(256, 20_000, 256), 1 << 20))).toEqual(wanted);
    expect(unwrap(connectionRoom(settings(256, 20_000, 256), undefined))).toEqual(wanted);
  });

  it('gives strangers a quarter of a small room', () => {
    expect(unwrap(connectionRoom(settings(256, 20_000, 256), 1_024))).toEqual({
      enrolment: 192,
      federation: 576,
      isCut: true,
    });
  });

  it('refuses a room that serves nobody, with the remedy', () => {
    expect(connectionRoom(settings(256, 20_000, 256), 256)).toMatchObject({
      fault: { code: 'DESCRIPTORS_SHORT', message: expect.stringContaining('raise the limit') },
    });
  });
});

describe('openFilesMax', () => {
  it('reads the soft limit of this process, and knows nothing where nothing says it', () => {
    const table = 'Limit                     Soft Limit           Hard Limit           Units     \n';
    const row = 'Max open files            1024                 4096                 files     \n';
    expect(openFilesMax(() => table + row)).toBe(1024);
    expect(openFilesMax(() => table + row.replace('1024', 'unlimited'))).toBeUndefined();
    const gone = () => {
      throw new Error('ENOENT');
    };
    expect(openFilesMax(gone)).toBeUndefined();
    if (process.platform === 'linux') expect(openFilesMax()).toBeGreaterThan(0);
  });
});
