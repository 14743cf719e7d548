import { expect, it } from 'vitest';
import { Draws } from './draws.ts';
import { Link, Network } from './network.ts';
import { SimulatedProcess } from './process.ts';
import { World } from './world.ts';

it('a stream to a process that is killed while it stands still ends, though that never looked at it', async () => {
  const world = new World(0);
  const [client, server] = ['client', 'server'].map((name) => new SimulatedProcess(name, world, { aheadMs: 0 })) as [
    SimulatedProcess,
    SimulatedProcess,
  ];
  const network = new Network(world, new Draws(1), () => [{ process: server, services: undefined }]);
  const heard: string[] = [];
  server.pause(10_000);
  const { ended } = network.stream(
    client,
    new Link('way'),
    0,
    async () => {
      throw new TypeError('it never looks');
    },
    () => {},
  );
  void ended.then(({ message }) => heard.push(message));
  await world.run(5_000, () => false);
  expect(heard).toEqual([]);
  server.kill();
  await world.run(6_000, () => false);
  expect(heard).toEqual(['the connection was reset']);
});
