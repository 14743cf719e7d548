import { expect, it } from 'vitest';
import type { TellMapRequest } from '../../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { MapBoard } from './map-board.ts';

const template = {
  ...{ service: 'orders', method: 'GET', template: '/orders/{}', requests: 7n, callers: 2 },
  ...{ isOpen: true, isOpenAmongClosed: false, isNew: true },
};
const told = (more: Partial<TellMapRequest> = {}): TellMapRequest => ({
  ...{ fromMs: 1n, untilMs: 3n, newSinceMs: 2n, leftOff: 0, templates: [template] },
  services: [{ name: 'orders', requests: 9n, isNew: false }],
  edges: [{ from: 'outside', to: 'orders', requests: 7n, isNew: true }],
  ...more,
});
const cluster = (name: string | number) => `c-${name}` as ClusterId;

it('keeps the map that a cluster told last, of so many clusters as told last', () => {
  const board = new MapBoard();
  expect(board.hear(cluster(0), told(), 5).ok).toBe(true);
  expect(board.of(cluster(0))).toMatchObject({ heardAtMs: 5, edges: [{ from: 'outside', requests: 7 }] });
  board.hear(cluster(0), told({ edges: [] }), 6);
  expect(board.of(cluster(0))).toMatchObject({ heardAtMs: 6, edges: [], templates: [{ template: '/orders/{}' }] });
  for (let at = 1; at <= 255; at++) board.hear(cluster(at), told(), 7);
  board.hear(cluster(0), told(), 8);
  board.hear(cluster(256), told(), 9);
  expect([board.of(cluster(0))?.heardAtMs, board.of(cluster(1)), board.of(cluster(2))?.heardAtMs]).toEqual([
    8,
    undefined,
    7,
  ]);
});

it('refuses more than a map may hold, and keeps what was there', () => {
  const board = new MapBoard();
  board.hear(cluster(0), told(), 5);
  const wrong: readonly Partial<TellMapRequest>[] = [
    { services: Array.from({ length: 257 }, () => ({ name: 'x', requests: 1n, isNew: false })) },
    { edges: Array.from({ length: 1_025 }, () => ({ from: 'x', to: 'y', requests: 1n, isNew: false })) },
    { templates: [{ ...template, template: '/'.repeat(129) }] },
    { templates: [{ ...template, callers: 1_000_001 }] },
    { untilMs: 2n ** 63n },
  ];
  for (const more of wrong) {
    expect(board.hear(cluster(0), told(more), 6)).toMatchObject({ fault: { code: 'REQUEST_INVALID' } });
  }
  expect(board.of(cluster(0))?.heardAtMs).toBe(5);
});
