import type { JsonValue } from '../../../base/canonical-json.ts';
import type { BuiltImage } from '../build.ts';

/** An in-toto statement (version 1): something said about artifacts, which are named by their digests. */
export type Statement = Readonly<{
  _type: typeof statementType;
  subject: readonly Readonly<{ name: string; digest: Readonly<{ sha256: string }> }>[];
  predicateType: string;
  predicate: JsonValue;
}>;

export const statementType = 'https://in-toto.io/Statement/v1';

export function statementAbout(
  { spec, manifest }: Pick<BuiltImage, 'spec' | 'manifest'>,
  predicateType: string,
  predicate: JsonValue,
): Statement {
  const subject = { name: `testudo-${spec.name}`, digest: { sha256: manifest.digest.slice('sha256:'.length) } };
  return { _type: statementType, subject: [subject], predicateType, predicate };
}
