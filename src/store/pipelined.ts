/**
 * Statements of one transaction that are sent without waiting for one another; on the server they run in the order in which they
 * were sent.
 *
 * A failure is thrown only when none of them is under way any more: whoever gets it rolls back, and a statement that is sent after
 * the rollback would be a transaction of its own.
 */

/** Waits for all, and returns their results. @throws the failure of the first of the list that has failed */
export async function pipelined<Results extends readonly unknown[]>(
  statements: readonly [...{ [At in keyof Results]: Promise<Results[At]> }],
): Promise<Results> {
  await Promise.allSettled(statements);
  return await Promise.all(statements) as unknown as Results;
}
