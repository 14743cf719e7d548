import { expect, it } from 'vitest';
import { clientConfigJsonSchema, parseClientConfig } from '../client/config.ts';
import { coordinatorConfigJsonSchema, parseConfig } from '../coordinator/config/config.ts';
import { parseTrackPolicy, policyJsonSchema } from '../coordinator/config/policy.ts';
import { firstResponsePolicy, readResponsePolicy, responsePolicyJson } from '../proto/response-policy.ts';

type Schema = Readonly<{
  properties?: Readonly<Record<string, Schema>>;
  items?: Schema | boolean;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  const?: unknown;
}>;

/** No setting takes all of these, and most take none. */
const odd: readonly unknown[] = [null, -1, 1e300, '', 'ünfit\u0000', [], { nmae: 1 }];

/** Every setting of a schema with each odd value in its place, beside what tells the shapes of a choice apart. */
function* wrongTrees({ properties = {}, items, anyOf = [], oneOf = [] }: Schema): Generator<unknown> {
  yield* odd;
  for (const shape of [...anyOf, ...oneOf]) yield* wrongTrees(shape);
  if (typeof items === 'object') for (const wrong of wrongTrees(items)) yield [wrong];
  const chosen: Record<string, unknown> = {};
  for (const [name, { const: value }] of Object.entries(properties)) if (value !== undefined) chosen[name] = value;
  for (const [name, below] of Object.entries(properties)) {
    for (const wrong of wrongTrees(below)) yield { ...chosen, [name]: wrong };
  }
}

/** Every member of a value, however deep, with each odd value in its place. */
function* wrongMembers(value: unknown): Generator<unknown> {
  yield* odd;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, below] of Object.entries(value)) {
    for (const wrong of wrongMembers(below)) yield { ...value, [name]: wrong };
  }
}

const file = (text: string) => ({ file: { path: '/etc/testudo.yaml', text } });
const responsePolicy = responsePolicyJson(firstResponsePolicy(0));
/** How zod speaks where nobody has said it better. */
const raw = /Invalid |Too (?:big|small)|Unrecognized|, received |must (?:match|start|end) /;

it.each([
  ['a coordinator', [...wrongTrees(coordinatorConfigJsonSchema())], (text: string) => parseConfig(file(text))],
  ['a client', [...wrongTrees(clientConfigJsonSchema())], (text: string) => parseClientConfig(file(text))],
  ['a track’s policy', [...wrongTrees(policyJsonSchema())], (text: string) => parseTrackPolicy(text)],
  ['a response policy', [...wrongMembers(responsePolicy)], (text: string) => readResponsePolicy(JSON.parse(text))],
])('whatever is wrong in the settings of %s is told in words of ours, never in the validator’s', (_, trees, read) => {
  const told = new Set<string>();
  for (const tree of trees) {
    const answer = read(JSON.stringify(tree));
    if (!answer.ok) for (const line of answer.fault.message.split('\n')) told.add(line);
  }
  expect(told.size).toBeGreaterThan(100);
  expect([...told].filter((line) => raw.test(line))).toEqual([]);
});
