"""One picture a question: each function takes a small frame and gives a matplotlib figure."""

from retinue.plots.alert_timeline import alert_timeline
from retinue.plots.cascade_tree import cascade_tree
from retinue.plots.clusters import clusters
from retinue.plots.community_flow import community_flow
from retinue.plots.conversion_curves import conversion_curves
from retinue.plots.drop_offs import drop_offs
from retinue.plots.engagement import engagement
from retinue.plots.fruitless import fruitless_terms
from retinue.plots.funnel import funnel, funnel_by
from retinue.plots.hours import sessions_by_hour
from retinue.plots.journey_sankey import journey_sankey
from retinue.plots.keyness_plot import keyness_plot
from retinue.plots.link_scores import link_scores
from retinue.plots.model_comparison import model_comparison
from retinue.plots.network_map import network_map
from retinue.plots.ngram_trends import ngram_trends
from retinue.plots.picture import Picture
from retinue.plots.reach_curve import reach_curve
from retinue.plots.render import fragment, html, png, svg
from retinue.plots.retention import retention
from retinue.plots.roi_waterfall import roi_waterfall
from retinue.plots.sankey import sankey
from retinue.plots.search_rates import search_rates
from retinue.plots.sentiment_over_time import sentiment_over_time
from retinue.plots.step_matrix import step_matrix
from retinue.plots.terms_at_risk import terms_at_risk
from retinue.plots.theme_map import theme_map
from retinue.plots.transitions import transitions

__all__ = [
    "Picture",
    "alert_timeline",
    "cascade_tree",
    "clusters",
    "community_flow",
    "conversion_curves",
    "drop_offs",
    "engagement",
    "fragment",
    "fruitless_terms",
    "funnel",
    "funnel_by",
    "html",
    "journey_sankey",
    "keyness_plot",
    "link_scores",
    "model_comparison",
    "network_map",
    "ngram_trends",
    "png",
    "reach_curve",
    "retention",
    "roi_waterfall",
    "sankey",
    "search_rates",
    "sentiment_over_time",
    "sessions_by_hour",
    "step_matrix",
    "svg",
    "terms_at_risk",
    "theme_map",
    "transitions",
]
