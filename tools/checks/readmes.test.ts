import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { law } from './arrows/house.ts';

/** Rooms with more source files than this say what they are for. */
const filesWithoutPage = 3;

const client = join(checkout, 'client');
const rooms = (law.rooms.client ?? []).flat();
const largeRooms = rooms.filter((room) => {
  const files = readdirSync(join(client, room), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).length > filesWithoutPage;
});
const pages = ['', ...largeRooms];

describe('the pages of the client’s rooms', () => {
  it('are there for every larger room', () => {
    expect(largeRooms.length).toBeGreaterThanOrEqual(9);
    expect(pages.filter((room) => !existsSync(join(client, room, 'README.md')))).toEqual([]);
  });

  it.each(pages)('are 15 to 30 lines, name only what is there, and say what may be imported: client/%s', (room) => {
    const text = readFileSync(join(client, room, 'README.md'), 'utf8');
    const lines = text.trimEnd().split('\n').length;
    expect(lines).toBeGreaterThanOrEqual(15);
    expect(lines).toBeLessThanOrEqual(30);
    expect(text).toMatch(/import/);
    const named = [...text.matchAll(/`([\w./-]+(?:\.ts|\/))`|\]\(([^)]+)\)/g)].map(
      ([, code, link]) => code ?? link ?? '',
    );
    expect(named.length).toBeGreaterThan(3);
    const places = [join(client, room), client, checkout];
    expect(named.filter((name) => !places.some((place) => existsSync(join(place, name))))).toEqual([]);
  });

  it('list the rooms in the order that the check of arrows holds', () => {
    const text = readFileSync(join(client, 'README.md'), 'utf8');
    const linked = [...text.matchAll(/\]\((\w+)\/README\.md\)/g)].map(([, room]) => room);
    expect(linked).toEqual(rooms.filter((room) => largeRooms.includes(room)));
  });
});
