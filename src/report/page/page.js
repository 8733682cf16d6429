// SPDX-License-Identifier: Apache-2.0
// Starts everything, and lets the reader choose between the system's colours, light and dark.
"use strict";

{
    setUpOverview();
    setUpVariance();
    setUpFailures();
    map.setUp();
    const legend = setUpLegend();
    const neighbours = setUpNeighbours();
    const parts = [map, legend, neighbours];

    const button = byId("theme");
    const themes = ["", "light", "dark"]; // "": as the system has it
    const names = ["Auto", "Light", "Dark"];
    let theme = 0;
    const apply = () => {
        if (themes[theme]) document.documentElement.dataset.theme = themes[theme];
        else delete document.documentElement.dataset.theme;
        button.textContent = names[theme];
        button.setAttribute("aria-label", `Colours: ${names[theme]}; change`);
        for (const part of parts) part.themeChanged();
    };
    button.addEventListener("click", () => {
        theme = (theme + 1) % themes.length;
        apply();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
    apply();

    // Paper is white: print in light colours, and come back afterwards.
    addEventListener("beforeprint", () => {
        document.documentElement.dataset.theme = "light";
        for (const part of parts) part.themeChanged();
        map.setPrinting(true);
    });
    addEventListener("afterprint", () => {
        map.setPrinting(false);
        apply();
    });
    document.documentElement.dataset.ready = "yes";
}
