// A router for the pages of the shop. Patterns look like "/tea/:slug" or "/help/*rest".
//
// Routes are compiled into a tree of segments. Matching goes down the tree and prefers literal
// segments to parameters and parameters to wildcards, so the order of registration is irrelevant.

export type Params = Readonly<Record<string, string>>;
export type Handler<T> = (params: Params, query: URLSearchParams) => T;

interface Node<T> {
  literals: Map<string, Node<T>>;
  parameter?: { name: string; node: Node<T> };
  wildcard?: { name: string; handler: Handler<T> };
  handler?: Handler<T>;
}

function emptyNode<T>(): Node<T> {
  return { literals: new Map() };
}

function segments(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

export class Router<T> {
  private readonly root: Node<T> = emptyNode();

  on(pattern: string, handler: Handler<T>): this {
    let node = this.root;
    const parts = segments(pattern);
    for (const [index, part] of parts.entries()) {
      if (part.startsWith("*")) {
        if (index !== parts.length - 1) {
          throw new Error(`${pattern}: a wildcard must be the last segment`);
        }
        node.wildcard = { name: part.slice(1) || "rest", handler };
        return this;
      }
      node = part.startsWith(":") ? this.parameter(node, part.slice(1), pattern) : literal(node, part);
    }
    if (node.handler) throw new Error(`${pattern} is registered twice`);
    node.handler = handler;
    return this;
  }

  private parameter(node: Node<T>, name: string, pattern: string): Node<T> {
    node.parameter ??= { name, node: emptyNode() };
    if (node.parameter.name !== name) {
      throw new Error(`${pattern}: this place is already called :${node.parameter.name}`);
    }
    return node.parameter.node;
  }

  /** Calls the handler that fits best, or returns undefined where none does. */
  resolve(url: string): T | undefined {
    const parsed = new URL(url, "http://shop.invalid");
    let parts: string[];
    try {
      parts = segments(parsed.pathname).map(decodeURIComponent);
    } catch {
      return undefined; // a stray percent sign is a page that does not exist
    }
    const found = descend(this.root, parts, 0, {});
    return found?.handler(found.params, parsed.searchParams);
  }
}

function literal<T>(node: Node<T>, part: string): Node<T> {
  let next = node.literals.get(part);
  if (!next) {
    next = emptyNode();
    node.literals.set(part, next);
  }
  return next;
}

function descend<T>(
  node: Node<T>,
  parts: string[],
  depth: number,
  params: Record<string, string>,
): { handler: Handler<T>; params: Params } | undefined {
  if (depth === parts.length) {
    if (node.handler) return { handler: node.handler, params };
  } else {
    const part = parts[depth];
    const next = node.literals.get(part);
    const exact = next && descend(next, parts, depth + 1, params);
    if (exact) return exact;
    if (node.parameter) {
      const bound = { ...params, [node.parameter.name]: part };
      const found = descend(node.parameter.node, parts, depth + 1, bound);
      if (found) return found;
    }
  }
  if (!node.wildcard) return undefined;
  const rest = parts.slice(depth).join("/");
  return { handler: node.wildcard.handler, params: { ...params, [node.wildcard.name]: rest } };
}
