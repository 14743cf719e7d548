import { describe, expect, it } from 'vitest';
import { table } from './table.ts';

describe('table', () => {
  it('aligns numbers to the right where asked and words to the left', () => {
    const rows = [
      { who: 'pooled', auc: '0.9' },
      { who: 'a', auc: '0.85' },
    ];
    const columns = [
      { title: 'who', text: ({ who }: (typeof rows)[0]) => who },
      { title: 'auc', text: ({ auc }: (typeof rows)[0]) => auc, align: 'right' as const },
    ];
    expect(table(rows, columns).split('\n')).toEqual(['who      auc', 'pooled   0.9', 'a       0.85']);
  });
});
