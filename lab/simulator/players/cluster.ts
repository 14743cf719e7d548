import type { ClusterId } from '../../../proto/ids.ts';
import { ClusterImage } from '../ground/cluster-image.ts';
import { SimulatedProcess } from '../world/process.ts';
import { SimulatedAgent } from './agent.ts';
import type { ClientLife, ClusterGround } from './client-life.ts';
import { Participant } from './participant.ts';

/** An honest cluster: a participant and a release agent in one process, on a machine that starts it again. */
export class SimulatedCluster {
  readonly image = new ClusterImage();
  readonly #ground: ClusterGround;
  process: SimulatedProcess | undefined;
  agent: SimulatedAgent | undefined;
  participant: Participant | undefined;

  constructor(ground: ClusterGround) {
    this.#ground = ground;
  }

  get name(): ClusterId {
    return this.#ground.cluster;
  }

  start(): void {
    const { world, clock, history, draws, cluster } = this.#ground;
    const process = new SimulatedProcess(cluster, world, clock);
    this.process = process;
    history.note(cluster, 'starts');
    process.onDeath(() => {
      history.note(cluster, 'is dead');
      this.agent = undefined;
      this.participant = undefined;
      world.after(draws.between(`restart ${cluster}`, 500, 30_000), () => this.start());
    });
    const life: ClientLife = { ...this.#ground, process, image: this.image };
    this.agent = new SimulatedAgent(life);
    this.participant = new Participant(life);
  }

  kill(): void {
    this.process?.kill();
  }
}
