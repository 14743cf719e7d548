import type { Page } from '../../proto/generated/testudo/v1/common.ts';

const pageSize = 500;

/** Every row of a listing, page after page. */
export async function pages<Answer extends { nextPage: string }, Row>(
  ask: (page: Page) => Promise<Answer>,
  rowsOf: (answer: Answer) => readonly Row[],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let token = '';
  do {
    const answer = await ask({ size: pageSize, token });
    rows.push(...rowsOf(answer));
    token = answer.nextPage;
  } while (token !== '');
  return rows;
}
