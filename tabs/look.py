"""How the page looks: theme, style sheet, header, language switch."""

from __future__ import annotations

import gradio as gr

FONT = ["system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

HEADER = """
<div class="tfg-header">
  <div class="tfg-mark" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
  <div><h1>TFG Studio</h1><p>${tagline[lang]}</p></div>
  <nav aria-label="Language"><button type="button" data-lang="en">English</button><button type="button"
  data-lang="zh-CN">中文</button></nav>
</div>
"""

HEADER_SCRIPT = """
const chinese = navigator.language.toLowerCase().startsWith('zh');
props.lang = chinese ? 'zh' : 'en';
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-lang]');
  if (button) { localStorage.setItem('tfg_language', button.dataset.lang); location.reload(); }
});
document.documentElement.lang = chinese ? 'zh' : 'en';
"""

CSS = """
.gradio-container > main, .gradio-container .fillable { max-width: 1180px !important; margin: 0 auto !important; }
.tfg-header { display: flex; align-items: center; gap: 14px; padding: 6px 2px 2px; }
.tfg-header h1 { font-size: 1.45rem; margin: 0; line-height: 1.2; letter-spacing: -0.01em; }
.tfg-header p { margin: 2px 0 0; color: var(--body-text-color-subdued); font-size: .92rem; }
.tfg-header nav { margin-left: auto; display: flex; gap: 4px; }
.tfg-header nav button { border: 1px solid var(--border-color-primary); background: var(--background-fill-secondary);
  color: var(--body-text-color); border-radius: 999px; padding: 4px 12px; font-size: .85rem; cursor: pointer;
  white-space: nowrap; min-width: 0 !important; }
.tfg-header nav button:hover, .tfg-header nav button:focus-visible { border-color: var(--color-accent); }
.tfg-mark { display: flex; align-items: center; gap: 3px; height: 40px; padding: 0 9px; border-radius: 12px;
  background: linear-gradient(135deg, #0d9488, #1d4ed8); }
.tfg-mark i { width: 4px; border-radius: 2px; background: #fff; height: 10px; }
.tfg-mark i:nth-child(2) { height: 22px; } .tfg-mark i:nth-child(3) { height: 15px; }
#speak_job:has(.tfg-job[hidden]), #voice_job:has(.tfg-job[hidden]), #writing_job:has(.tfg-job[hidden]),
#fetch_job:has(.tfg-job[hidden]),
#import_job:has(.tfg-job[hidden]), #setup_job:has(.tfg-job[hidden]), #environment_job:has(.tfg-job[hidden]),
#check_job:has(.tfg-job[hidden]), #check_job:has(.tfg-job[data-state=done]), #train_setup_job:has(.tfg-job[hidden]),
#library_job:has(.tfg-job[hidden]), #checks:has(.tfg-checks[hidden]), #train_view:has(.tfg-view[hidden]),
#eval_setup_job:has(.tfg-job[hidden]), #chat_setup_job:has(.tfg-job[hidden]) { display: none; }
#avatar_preview img, #avatar_preview video { border-radius: 12px; }
#train_video:has(video[src]) [data-testid=source-select] { display: none; }
.tfg-lead { font-size: .95rem !important; margin: 2px 2px 4px !important; }
.tfg-note { color: var(--body-text-color-subdued); font-size: .82rem; }
@media (max-width: 640px) {
  .gradio-container { padding-left: 8px !important; padding-right: 8px !important; }
  .tfg-header p { display: none; }
}
"""


def theme() -> gr.themes.Base:
    """Calm and light; no font is fetched from anywhere."""
    return gr.themes.Soft(primary_hue="teal", secondary_hue="blue", neutral_hue="slate", font=FONT, font_mono=MONO)


def header(tagline: dict[str, str]) -> gr.HTML:
    """Name, tagline in the reader's language, and the language switch."""
    return gr.HTML(html_template=HEADER, js_on_load=HEADER_SCRIPT, tagline=tagline, lang="en", elem_id="header")
