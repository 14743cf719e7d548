import type { EdgeExplanation } from './explain-edge.ts';

/** An explanation for people, a few lines. Names are the cluster's own. */
export function explanationText(explained: EdgeExplanation): string {
  const { edge, surprisal, refusal, memory, shared, neighbourhood, nearestNormal, path } = explained;
  const lines = [
    `${edge.client} called ${edge.server} on ${edge.service} (${edge.flows} flows): ${surprisal.total.toFixed(1)} nats, ${surprisal.pair.toFixed(1)} for the pair and ${surprisal.service.toFixed(1)} for the service${rarity(surprisal.pValue)}.`,
    memory.pair > 0
      ? `The pair was active in ${windows(memory.pair)} of the ${windows(memory.together)} in which both were there; ${edge.service} in ${windows(memory.service)} of them.`
      : `The pair was never seen, in ${windows(memory.together)} with both there.`,
    `${edge.client} usually calls ${listed(neighbourhood.usualServersOfClient)}; ${edge.server} is usually called by ${listed(neighbourhood.usualClientsOfServer)}.`,
  ];
  // What is let through, as was to be expected, needs no line.
  if (refusal !== undefined && (refusal.share > 0 || (surprisal.refusal ?? 0) >= 0.5)) {
    const why = refusal.reasons.length > 0 ? ` (${refusal.reasons.join(', ')})` : '';
    lines.push(
      `Of it ${percent(refusal.share)} was refused${why}, ${percent(refusal.expectedShare)} was to be expected: ${(surprisal.refusal ?? 0).toFixed(1)} nats.`,
    );
  }
  if (shared !== undefined) {
    const parts = shared.parts.slice(0, 3).map(({ what, logOdds }) => `${what} (${signed(logOdds)})`);
    lines.push(
      `Across clusters such a link has log-odds of ${signed(shared.logit)}, a typical one here ${signed(shared.typical)}: ${parts.join(', ')}.`,
    );
  }
  if (nearestNormal !== undefined) {
    lines.push(`The most similar normal link is ${nearestNormal.client} → ${nearestNormal.server}.`);
  }
  if (path.length > 1) {
    const steps = path.map(({ server, service, firstMs }) => `→ ${server} (${service}, ${clock(firstMs)})`);
    lines.push(`Possible movement: ${[path[0]?.client, ...steps].join(' ')}.`);
  }
  return lines.join('\n');
}

function windows(count: number): string {
  return `${count < 10 ? count.toFixed(1).replace(/\.0$/, '') : Math.round(count)} windows`;
}

function rarity(pValue: number | undefined): string {
  return pValue === undefined
    ? ''
    : `; ${pValue < 1e-6 ? 'under one in a million' : `${(pValue * 100).toPrecision(2)} %`} of normal edges score so high`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nobody known' : names.join(', ');
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
}

function clock(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 19) : '?';
}
