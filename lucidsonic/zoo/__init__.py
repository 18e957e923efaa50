"""The models/ folder: what each model is, and where its weights lie."""

from lucidsonic.zoo.card import ModelCard
from lucidsonic.zoo.catalog import Catalog, catalog_folders, user_models_dir

__all__ = ["Catalog", "ModelCard", "catalog_folders", "user_models_dir"]
