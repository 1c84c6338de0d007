// SPDX-License-Identifier: Apache-2.0

/** Who a token belongs to. */
export interface FakeUser {
  readonly username: string;
  readonly groups?: readonly string[];
}

export interface ReviewOptions {
  /** Users by their tokens. */
  readonly users?: Readonly<Record<string, FakeUser>>;
  /** Whether somebody may GET a path. Default: members of `system:masters` may. */
  readonly mayGet?: (user: FakeUser, path: string) => boolean;
}

interface ReviewSpec {
  readonly token?: string;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string };
}

/** Answers a TokenReview or a SubjectAccessReview; undefined where the object is neither. */
export function answerReview(
  plural: string,
  body: unknown,
  { users = {}, mayGet = isMaster }: ReviewOptions,
): object | undefined {
  // What the two reviews have in their specs; fields are looked at one by one.
  const review = body as { readonly spec?: ReviewSpec };
  const spec = review.spec ?? {};
  if (plural === 'tokenreviews') {
    const { token = '' } = spec;
    const user = Object.hasOwn(users, token) ? users[token] : undefined;
    const status =
      user === undefined
        ? { user: {}, error: 'invalid bearer token' }
        : { authenticated: true, user: { uid: user.username, groups: [], ...user } };
    return { ...review, status };
  }
  if (plural !== 'subjectaccessreviews') return undefined;
  const { path = '', verb } = spec.nonResourceAttributes ?? {};
  const user = { username: spec.user ?? '', groups: spec.groups ?? [] };
  return { ...review, status: { allowed: verb === 'get' && mayGet(user, path) } };
}

const isMaster = ({ groups }: FakeUser): boolean => groups?.includes('system:masters') === true;
