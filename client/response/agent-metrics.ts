import { Counter, Gauge, Registry } from 'prom-client';

/** The agent's metrics. Labels come from closed sets: parts, kinds of action, fault codes, reasons. */
export function createAgentMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    leads: new Gauge({
      name: 'testudo_agent_leads',
      help: '1 while this agent holds the lease and may act',
      registers,
    }),
    blind: new Gauge({ name: 'testudo_agent_watches_blind', help: '1 while some watch is not up to date', registers }),
    watchEnds: new Counter({
      name: 'testudo_agent_watch_ends_total',
      help: 'Lists and watches that ended',
      labelNames: ['code'],
      registers,
    }),
    actions: new Counter({
      name: 'testudo_agent_actions_total',
      help: 'What was asked of the cluster, by what became of it',
      labelNames: ['part', 'action', 'outcome'],
      registers,
    }),
    rotationsInFlight: new Gauge({
      name: 'testudo_agent_rotations_in_flight',
      help: 'Rotations of pods under way',
      registers,
    }),
    podsWaiting: new Gauge({
      name: 'testudo_agent_pods_waiting',
      help: 'Pods that are due and not rotated now, by why',
      labelNames: ['reason'],
      registers,
    }),
    podsOverBound: new Gauge({
      name: 'testudo_agent_pods_over_bound',
      help: 'Pods older than the bound, by why they are still there',
      labelNames: ['reason'],
      registers,
    }),
    suspects: new Gauge({
      name: 'testudo_agent_suspects',
      help: 'Pods with alerts, by what becomes of them',
      labelNames: ['state'],
      registers,
    }),
    quarantined: new Gauge({
      name: 'testudo_agent_quarantined_pods',
      help: 'Pods in quarantine, by what is known of their isolation',
      labelNames: ['verdict'],
      registers,
    }),
    breakerOpen: new Gauge({
      name: 'testudo_agent_breaker_open',
      help: '1 while nothing is done because a model flagged too much',
      registers,
    }),
    hubThere: new Gauge({
      name: 'testudo_agent_hub_there',
      help: '1 while the hub tells of alerts; 0 while what is known stands, or where no hub is set',
      registers,
    }),
    images: new Gauge({
      name: 'testudo_agent_images',
      help: 'Containers by whether their image is signed by a key that the operator gave; nothing where none was given',
      labelNames: ['signature'],
      registers,
    }),
    failures: new Counter({
      name: 'testudo_agent_failures_total',
      help: 'Looks of a part that threw',
      labelNames: ['part'],
      registers,
    }),
  };
}

export type AgentMetrics = ReturnType<typeof createAgentMetrics>;
