"use strict";
// Bundled from web/src; must never enter a corpus, since .gitignore names this folder.
(() => {
  const started = Date.now();
  globalThis.shopStarted = () => Date.now() - started;
})();
