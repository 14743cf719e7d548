import { table } from '../../base/text/table.ts';
import type { GetProgressResponse, ModelStep } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo tracks progress`: whether training gets anywhere. */
export function progressCommand() {
  return operatorCommand('progress', 'whether training gets anywhere: how far and whither the last versions moved')
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const answer = await connection.call(connection.client.getProgress, { track });
        print(options.json ? wireJson(answer) : progressText(answer));
      }),
    );
}

function progressText({ text, steps }: GetProgressResponse): string {
  if (steps.length === 0) return text;
  const rows = table<ModelStep>(steps, [
    { title: 'VERSION', text: ({ version }) => String(version), align: 'right' },
    { title: 'ROUND', text: ({ round }) => round },
    { title: 'STEP', text: ({ norm }) => number(norm), align: 'right' },
    { title: 'OF THE MODEL', text: ({ relative }) => number(relative), align: 'right' },
    { title: 'COSINE TO LAST STEP', text: ({ cosine }) => number(cosine), align: 'right' },
    {
      title: 'COUNTED',
      text: ({ keptShare }) => (Number.isNaN(keptShare) ? '' : `${Math.round(100 * keptShare)} %`),
      align: 'right',
    },
    { title: 'SAME AS', text: ({ sameAs }) => (sameAs === undefined ? '' : String(sameAs)), align: 'right' },
  ]);
  return `${rows}\n\n${text}`;
}

function number(value: number): string {
  return Number.isNaN(value) ? '' : value.toPrecision(3);
}
