// Before the first paint: applies the theme that was chosen here earlier. Without one, the system's theme is used.
(() => {
  const chosen = localStorage.getItem("gmn-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
