import { expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { isoTimeMs, utcTimeMs } from './iso-time.ts';

const utc = { zoneless: 'utc' } as const;
const refused = { zoneless: 'refused' } as const;
const noon = Date.UTC(2026, 10, 29, 12);

it('isoTimeMs reads what `Date` writes, at any time and in any zone', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 5_000; round++) {
    const ms = Math.floor((random() * 9_000 - 1_500) * 365.25 * 86_400_000) % Date.UTC(9999, 11, 30);
    const text = new Date(ms).toISOString();
    if (/^[+-]/.test(text) || text < '0100') continue;
    expect({ text, ms: isoTimeMs(text, refused) }).toEqual({ text, ms });
    const minutes = Math.floor(random() * 1_439);
    const zone = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
    const bare = text.slice(0, -1);
    expect(isoTimeMs(`${bare}+${zone}`, refused)).toBe(ms - minutes * 60_000);
    expect(isoTimeMs(`${bare.replace('T', ' ')}-${zone.replace(':', '')}`, refused)).toBe(ms + minutes * 60_000);
    expect(isoTimeMs(bare, utc)).toBe(ms);
  }
});

it.each([
  ['2026-11-29T12:00Z', noon],
  ['2026-11-29 12:00:00', noon],
  ['2026-11-29T14:00:00+02', noon],
  ['2026-11-29T12:00:00.1234567891Z', noon + 123],
  ['2026-11-29t12:00:00.5z', noon + 500],
  ['2026-11-29', noon - 12 * 3_600_000],
  ['2024-02-29', Date.UTC(2024, 1, 29)],
] as const)('%s is a time', (text, ms) => {
  expect(isoTimeMs(text, utc)).toBe(ms);
});

it.each([
  ...['2026-02-30', '2026-02-29', '2100-02-29', '2026-04-31T00:00:00Z', '2026-00-10', '2026-13-01', '2026-01-00'],
  ...[
    '2026-11-29T24:00:00Z',
    '2026-11-29T12:60:00Z',
    '2026-11-29T12:00:60Z',
    '2026-11-29T12:00:00.Z',
    '2026-11-29T12:00:00,5Z',
  ],
  ...[
    '2026-11-29T12Z',
    '2026-11-29T',
    '2026-11-29Z',
    '2026-1-29',
    '26-11-29',
    '2026/11/29',
    '20261129',
    '+002026-11-29',
    '0026-11-29',
  ],
  ...[
    '2026-11-29T12:00:00+24:00',
    '2026-11-29T12:00:00+02:',
    '2026-11-29T12:00:00 +02:00',
    '2026-11-29T12:00:00CET',
    '2026-11-29T12:00:00Z ',
  ],
  ...['', 'yesterday', 'Nov 29 2026', '1', '2026', '2026-11-29T0x:00:00Z', '2026-11-29T12:00:00Z (x)'],
])('%j is none', (text) => {
  expect(isoTimeMs(text, utc)).toBeNaN();
});

it('a time of day without a zone is refused where it is said so, and a date alone is its midnight in UTC', () => {
  expect(isoTimeMs('2026-11-29T12:00:00', refused)).toBeNaN();
  expect(isoTimeMs('2026-11-29', refused)).toBe(Date.UTC(2026, 10, 29));
});

it('utcTimeMs counts no day on into the next month', () => {
  expect(utcTimeMs(2026, 2, 29)).toBeNaN();
  expect(utcTimeMs(2026, 2, 28, 23, 59, 59, 999)).toBe(Date.UTC(2026, 2, 1) - 1);
  expect(utcTimeMs(Number.NaN, 2, 1)).toBeNaN();
  expect(utcTimeMs(99, 1, 1)).toBeNaN();
});
