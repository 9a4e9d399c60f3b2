/**
 * The shopping cart: immutable lines, prices in whole cents (fen), discounts applied in order.
 *
 * Money is never a floating point number here. A percentage is rounded half to even once per
 * cart, not once per line, because the receipt of the till does the same.
 */

export interface Product {
  readonly sku: string;
  readonly title: string;
  readonly cents: number;
  readonly grams: number;
}

export interface Line {
  readonly product: Product;
  readonly quantity: number;
}

export type Discount =
  | { kind: "percent"; label: string; percent: number; from: number }
  | { kind: "bundle"; label: string; sku: string; take: number; pay: number }
  | { kind: "shipping"; label: string; from: number };

export interface Receipt {
  readonly subtotal: number;
  readonly reductions: ReadonlyArray<{ label: string; cents: number }>;
  readonly shipping: number;
  readonly total: number;
}

export type Cart = ReadonlyMap<string, Line>;

export const emptyCart: Cart = new Map();

/** Returns a cart in which the product occurs `delta` times more, and is gone at zero. */
export function change(cart: Cart, product: Product, delta: number): Cart {
  if (!Number.isInteger(delta)) {
    throw new RangeError(`quantity must be whole, got ${delta}`);
  }
  const next = new Map(cart);
  const quantity = (cart.get(product.sku)?.quantity ?? 0) + delta;
  if (quantity > 0) {
    next.set(product.sku, { product, quantity });
  } else {
    next.delete(product.sku);
  }
  return next;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Postage grows by the started half kilogram; an empty cart costs nothing. */
export function postage(grams: number): number {
  if (grams === 0) return 0;
  const steps = Math.ceil(grams / 500);
  return 600 + Math.max(0, steps - 1) * 250;
}

function reduction(cart: Cart, discount: Discount, subtotal: number): number {
  switch (discount.kind) {
    case "percent":
      return subtotal >= discount.from ? roundHalfEven((subtotal * discount.percent) / 100) : 0;
    case "bundle": {
      const line = cart.get(discount.sku);
      if (!line) return 0;
      const bundles = Math.floor(line.quantity / discount.take);
      return bundles * (discount.take - discount.pay) * line.product.cents;
    }
    case "shipping":
      return 0; // decided below, once all other reductions are known
  }
}

/** Returns what the customer pays. Discounts never push the goods below zero. */
export function receipt(cart: Cart, discounts: readonly Discount[]): Receipt {
  let subtotal = 0;
  let grams = 0;
  for (const { product, quantity } of cart.values()) {
    subtotal += product.cents * quantity;
    grams += product.grams * quantity;
  }
  let remaining = subtotal;
  const reductions: { label: string; cents: number }[] = [];
  for (const discount of discounts) {
    const cents = Math.min(remaining, reduction(cart, discount, remaining));
    if (cents > 0) {
      reductions.push({ label: discount.label, cents });
      remaining -= cents;
    }
  }
  const free = discounts.some((d) => d.kind === "shipping" && remaining >= d.from);
  const shipping = free ? 0 : postage(grams);
  return { subtotal, reductions, shipping, total: remaining + shipping };
}
