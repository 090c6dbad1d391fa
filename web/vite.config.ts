import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The built files are package data of the server, and the same on every machine: names carry the
// hash of what is in them, and nothing says when or where they were made.
export default defineConfig({
  plugins: [svelte()],
  base: "/ui/",
  build: {
    outDir: "../src/polyrhythm/transports/http/ui",
    emptyOutDir: true,
    assetsDir: ".",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: "es2022",
  },
  server: { proxy: { "/api": "http://127.0.0.1:8233" } },
});
