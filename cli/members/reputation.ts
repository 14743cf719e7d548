import { table } from '../../base/text/table.ts';
import { type Reputation, Suggestion } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { nameOf } from '../operator/wire-text.ts';
import { print } from '../print.ts';

/** `testudo clusters reputation`: how rounds judged everybody, and what people may do about it. */
export function reputationCommand() {
  return operatorCommand(
    'reputation',
    'how often, how far and why kept rounds left each member out, with what you may do about it; nothing follows by itself',
  )
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { reputations } = await connection.call(connection.client.listReputations, { track });
        if (options.json) for (const row of reputations) print(wireJson(row));
        else print(reputations.length === 0 ? 'no members yet' : table<Reputation>(reputations, columns));
      }),
    );
}

const columns = [
  { title: 'CLUSTER', text: ({ cluster }: Reputation) => cluster },
  { title: 'SUGGESTED', text: ({ suggestion }: Reputation) => nameOf(Suggestion, suggestion, 'SUGGESTION_') },
  { title: 'ROUNDS', text: ({ rounds }: Reputation) => String(rounds), align: 'right' as const },
  { title: 'OUT', text: ({ leftOut, refused }: Reputation) => String(leftOut + refused), align: 'right' as const },
  { title: 'IN A ROW', text: ({ streak }: Reputation) => String(streak), align: 'right' as const },
  { title: 'OF THRESHOLD', text: ({ margin }: Reputation) => number(margin), align: 'right' as const },
  { title: 'RECORD', text: ({ score }: Reputation) => number(score), align: 'right' as const },
  { title: 'FOR', text: ({ reasons }: Reputation) => reasons.map(({ code, count }) => `${count} ${code}`).join(', ') },
  { title: 'BECAUSE', text: ({ because }: Reputation) => because },
];

function number(value: number): string {
  return Number.isNaN(value) ? '' : value.toFixed(2);
}
