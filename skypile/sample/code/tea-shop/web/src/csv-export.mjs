#!/usr/bin/env node
// Turn a file of orders (one JSON object per line) into CSV that spreadsheets open correctly.
//
//   node csv-export.mjs orders.jsonl > orders.csv
//
// Two traps are taken care of: without a byte order mark one common spreadsheet reads UTF-8 as
// something else, and cells that begin with = + - or @ would be run as formulas.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { argv, exit, stdin, stdout, stderr } from "node:process";

const COLUMNS = [
  ["order", (o) => o.id],
  ["placed", (o) => new Date(o.placed).toISOString().slice(0, 16).replace("T", " ")],
  ["customer", (o) => o.customer?.name ?? ""],
  ["country", (o) => o.customer?.country ?? ""],
  ["items", (o) => o.lines.reduce((sum, line) => sum + line.quantity, 0)],
  ["total", (o) => (o.cents / 100).toFixed(2)],
  ["remark", (o) => o.remark ?? ""],
];

export function cell(value) {
  let text = String(value);
  const isNumber = /^-?\d+(\.\d+)?$/.test(text);
  if (!isNumber && /^[=+\-@\t]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function row(order) {
  return COLUMNS.map(([, read]) => cell(read(order))).join(",") + "\r\n";
}

/** Waits where the reader is slower than we are; otherwise a big export fills the memory. */
async function write(text) {
  if (!stdout.write(text)) {
    await new Promise((resolve) => stdout.once("drain", resolve));
  }
}

async function main(path) {
  const input = path === "-" ? stdin : createReadStream(path, "utf8");
  const lines = createInterface({ input, crlfDelay: Infinity });
  let number = 0;
  let failed = 0;
  await write("\ufeff" + COLUMNS.map(([name]) => name).join(",") + "\r\n");
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    try {
      await write(row(JSON.parse(line)));
    } catch (error) {
      failed++;
      stderr.write(`${path}:${number}: ${error.message}\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}

if (argv[1]?.endsWith("csv-export.mjs")) {
  if (argv.length !== 3) {
    stderr.write("usage: csv-export.mjs FILE.jsonl (or - for standard input)\n");
    exit(2);
  }
  stdout.on("error", (error) => exit(error.code === "EPIPE" ? 0 : 1));
  process.exitCode = await main(argv[2]);
}
