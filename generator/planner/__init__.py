"""From a lowered network and a budget to a `Plan` with exact cycles."""

from .plan import EnginePlan, Plan, Prediction, Region, Resources
from .predict import predict, resources
from .search import Budget, Engines, plan
from .verification import verify

__all__ = ["Budget", "EnginePlan", "Engines", "Plan", "Prediction", "Region", "Resources", "plan", "predict",
           "resources", "verify"]
