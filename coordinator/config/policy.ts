import { z } from 'zod';
import { defaultPolicy, parsePolicy as parseAggregation, updatesMin } from '../../aggregation/policy.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { problemText } from '../../base/text/problem-text.ts';
import { readYaml } from '../../base/text/read-yaml.ts';
import type { GatePolicy, TrackPolicy } from '../round/policy.ts';
import { policySettings } from '../round/policy-settings.ts';
import { checkRoundRules } from '../round/rules.ts';
import type { Knowledge } from './track-knowledge.ts';

const policyBytesMax = 65_536;

/** Of what clients train on, where the sample holds every class: as much as the rule was measured with. */
const mixOfWhole = 0.5;

/**
 * A track's policy from the text that an operator wrote (YAML or JSON, at most 64 KiB), with defaults filled in: those of a
 * track of which so much is `known`, if need be by the sample that the policy names. A sample bears on a policy that names neither a rule nor what comes before it, and is then mixed
 * into training unless the text says otherwise. One fault lists every problem, also those between settings: a quorum below what the
 * rule can score, 2f + 3 for Krum.
 */
export function parseTrackPolicy(
  text: string,
  known: Knowledge | ((sampleDigest: string | undefined) => Knowledge) = {},
): Result<TrackPolicy, 'POLICY_INVALID'> {
  if (Buffer.byteLength(text) > policyBytesMax) return invalid([`at most ${policyBytesMax} bytes are allowed`]);
  const tree = readYaml(text, 0);
  if (!tree.ok) return invalid([`it is neither YAML nor JSON: ${tree.fault.message}`]);
  const parsed = policySettings.safeParse(tree.value, { error: problemText });
  if (!parsed.success) {
    return invalid(parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`));
  }
  const knows = typeof known === 'function' ? known(parsed.data.sample?.digest) : known;
  const { rule, before } = parsed.data.aggregation;
  const sample = knows.sample === true && rule === undefined && before === undefined;
  const aggregation = parseAggregation({
    ...defaultPolicy(parsed.data.aggregation.f, { ...knows, sample }),
    ...parsed.data.aggregation,
  });
  if (!aggregation.ok) return invalid([aggregation.fault.message]);
  const needed = updatesMin(aggregation.value);
  if (needed === undefined) return invalid(['aggregation: no number of updates satisfies this rule']);
  if (parsed.data.upward === true && parsed.data.schedule !== null) {
    return invalid(["schedule: with upward the parent's invitations open rounds; leave the schedule out"]);
  }
  const checked = checkRoundRules({ ...parsed.data.rounds, updatesMin: needed });
  if (!checked.ok) return invalid([checked.fault.message]);
  const { gate: settings, ...said } = parsed.data;
  const isMixed = sample && aggregation.value.rule.kind === 'trustedWeights' && said.sample === undefined;
  const others = isMixed ? { ...said, sample: { mix: mixOfWhole * (knows.covered ?? 1) } } : said;
  if (settings === undefined) return ok({ ...others, aggregation: aggregation.value });
  const { f } = aggregation.value;
  const gatePolicy = { ...settings, clustersMin: settings.clustersMin ?? Math.max(2, f + 1) };
  const problems = gateProblems(gatePolicy, f);
  if (problems.length > 0) return invalid(problems);
  return ok({ ...others, aggregation: aggregation.value, gate: gatePolicy });
}

/** What a gate's settings have against one another and against f: passes that f liars can give among themselves prove nothing. */
function gateProblems({ clustersMin, minutesMin, hoursMax }: GatePolicy, f: number): string[] {
  const problems: string[] = [];
  if (clustersMin <= f) {
    problems.push(
      `gate.clustersMin must be above f: ${clustersMin} clusters may all be among the ${f} that lie; set ${f + 1} or more`,
    );
  }
  if ((minutesMin ?? 0) >= hoursMax * 60) {
    problems.push(
      `gate.minutesMin ${minutesMin} must end before gate.hoursMax (${hoursMax} h), or nothing is ever promoted`,
    );
  }
  return problems;
}

/** The JSON Schema of a policy, for editors and for docs/protocol.md. */
export function policyJsonSchema(): object {
  return z.toJSONSchema(policySettings, { io: 'input' });
}

function invalid(problems: readonly string[]): Result<never, 'POLICY_INVALID'> {
  return refuse('POLICY_INVALID', `track policy: ${problems.join('; ')}`);
}
