/** What parts hold, so many at a time. An error that comes between them comes after all that came before it. */
export async function* inBatches<Item>(parts: AsyncIterable<Iterable<Item>>, size: number): AsyncGenerator<Item[]> {
  let items: Item[] = [];
  try {
    for await (const part of parts) {
      for (const item of part) {
        items.push(item);
        if (items.length < size) continue;
        yield items;
        items = [];
      }
    }
  } catch (error) {
    yield items;
    throw error;
  }
  yield items;
}
