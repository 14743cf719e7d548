import { describe, expect, it } from 'vitest';
import { ApiMap, mapLimits, outside } from './api-map.ts';
import { drawn, mapSvg } from './map-svg.ts';

const call = { caller: '', server: 'gateway', method: 'GET', route: '/orders', status: 200, auth: 'bearer' };

describe('ApiMap', () => {
  it('says what answers without authentication while its siblings ask for it, and what is new since when', () => {
    const map = new ApiMap();
    for (let n = 0; n < 20; n++) {
      map.add(call, n);
      map.add({ ...call, route: '/users/me' }, n);
      map.add({ ...call, route: '/login', method: 'POST', auth: 'none', status: n % 2 === 0 ? 200 : 401 }, n);
      map.add({ ...call, caller: 'gateway', server: 'health', route: '/healthz', auth: 'none' }, n);
    }
    map.add({ ...call, route: '/debug/vars', auth: 'none' }, 15);
    map.add({ ...call, route: '/admin', auth: 'none', status: 401 }, 16);
    const { templates, edges, workloads, newSinceMs } = map.mapping(15);
    const by = (template: string) => templates.find((one) => one.template === template);
    expect(newSinceMs).toBe(15);
    expect(by('/debug/vars')).toMatchObject({ isOpenAmongClosed: true, isNew: true, served: 1, open: 1 });
    // Refused: it asks for who one is.
    expect(by('/admin')).toMatchObject({ isOpen: false, isNew: true, served: 0 });
    expect(by('/login')).toMatchObject({ isOpen: true, served: 10 });
    // All of this service is open: it is meant to be.
    expect(by('/healthz')).toMatchObject({ isOpen: true, isOpenAmongClosed: false, isNew: false });
    expect(edges.map(({ from, to }) => `${from} ${to}`)).toEqual([`${outside} gateway`, 'gateway health']);
    expect(workloads.map(({ name }) => name)).toEqual([outside, 'gateway', 'health']);
  });

  it('takes many words in one place for names, with all that was counted of them', () => {
    const map = new ApiMap();
    for (let n = 0; n < 60; n++)
      map.add({ ...call, route: `/posts/story-${'abcdefghij'[n % 10]}${'klmnop'[n % 6]}` }, n);
    const { templates } = map.mapping();
    expect(templates).toMatchObject([{ template: '/posts/{}', requests: 60, firstMs: 0, lastMs: 59 }]);
  });

  it('has no template of what is not there, and no place is a name because of it', () => {
    const map = new ApiMap();
    map.add(call, 0);
    for (let n = 0; n < 60; n++)
      map.add({ ...call, route: `/wp-${'abcdefghij'[n % 10]}${'klmnop'[n % 6]}`, status: 404 }, n);
    map.add({ ...call, status: 404 }, 60);
    expect(map.mapping().templates).toMatchObject([{ template: '/orders', requests: 2, served: 1 }]);
  });

  it('stays within its bounds whatever comes, and counts what is beyond', () => {
    const map = new ApiMap();
    const many = mapLimits.templates + 500;
    for (let n = 0; n < many; n++) map.add({ ...call, server: `s${n % 3_000}`, route: `/r${n.toString(36)}x` }, n);
    const { workloads, edges, templates, beyond } = map.mapping();
    expect(workloads).toHaveLength(mapLimits.workloads);
    expect(edges.length).toBeLessThanOrEqual(mapLimits.edges);
    expect(templates.length).toBeLessThanOrEqual(mapLimits.templates);
    expect(beyond.workloads).toBeGreaterThan(0);
    expect(beyond.templates).toBe(500);
    const svg = mapSvg(map.mapping());
    expect(svg.match(/<rect /g)).toHaveLength(drawn.workloads);
  });
});

describe('mapSvg', () => {
  it('makes no markup of a name, and marks what is new', () => {
    const map = new ApiMap();
    map.add({ ...call, server: '<script>"&' }, 0);
    map.add({ ...call, caller: '<script>"&', server: 'late' }, 100);
    const svg = mapSvg(map.mapping());
    expect(svg).not.toContain('<script>');
    expect(svg).toContain('&lt;script&gt;&quot;&amp;');
    expect(svg.match(/stroke="#b3261e"/g)?.length).toBeGreaterThanOrEqual(2);
    expect(mapSvg(map.mapping())).toBe(svg);
  });
});
